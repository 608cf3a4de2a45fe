/* ssh_fixture: a server for all tests of a program, and what they do with it; for cmocka. */
#pragma once
#include "tests/integration/sshd.h"
#include "tests/unit/test.h"

extern struct sshd server; /* from sshd_fixture_start() to sshd_fixture_stop() */

/* For cmocka_run_group_tests(); ends the program with 77, which meson takes for skipped, where no sshd can be started. */
int sshd_fixture_start(void **state);
int sshd_fixture_stop(void **state);
struct ssh *connect_to(const struct sshd *d);
/* A login at the server with another key, or another expectation. */
int try_login(const char *key_file, const char *host_key, struct ssh **ret, struct error **err);
int try_fingerprint(const char *fingerprint, struct ssh **ret, struct error **err);
/* The status of a command that must end within 20 s. */
int run_on(struct ssh *s, const char *command, struct buf *out, struct buf *errors);

#define assert_kind(kind) assert_int_equal(error_kind(test_error), kind)
