/* cloud_fixture: a keystone and services behind one port of the loopback, and a clouds.yaml that names them as "lab". */
#pragma once
#include "provision/cloud.h"
#include "tests/integration/server.h"
#include "tests/unit/test.h"
#include <pthread.h>
#include <stdatomic.h>

extern struct server *server;
extern char folder[]; /* of clouds.yaml */

extern struct fake {
	atomic_uint logins;	    /* tokens given: the last one alone is good, "token-LOGINS" */
	atomic_uint revoked;	    /* tokens up to this number are refused */
	atomic_uint refusals;	    /* 401s of the services */
	atomic_uint login_failures; /* logins to fail with login_status before the next good one */
	atomic_int login_status;
	atomic_int life_s;
	atomic_bool refuse_all; /* the services refuse every token */
	atomic_bool moved; /* catalogs have compute elsewhere */
	atomic_uint flaky;
	atomic_int limit_status;   /* of /storm, which admits STORM_ADMITS requests each second; 0: it admits all */
	const char *limit_headers; /* with its refusals */
	int64_t storm_second;	   /* these two under the lock */
	unsigned admitted;
	char last_login[2048];
	char last_headers[4096];
	pthread_mutex_t lock;
} fake;

enum { STORM_ADMITS = 20, SLOW_MS = 50 };
#define LOGIN "username: u, password: s3cr3t, user_domain_name: D, project_name: demo, project_domain_name: D"

void write_region(const char *path_of_keystone, const char *auth, const char *region);
void write_clouds(const char *path_of_keystone, const char *auth); /* in region R */
struct cloud *open_cloud(void);
int get(struct cloud *c, enum cloud_service service, const char *path, struct error **err);

/* Of a test, and of all of them. */
int cloud_setup(void **state);
int cloud_teardown(void **state);
int cloud_make_folder(void **state);
int cloud_remove_folder(void **state);
#define CLOUD_TEST(f) cmocka_unit_test_setup_teardown(f, cloud_setup, cloud_teardown)
