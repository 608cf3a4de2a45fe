/* Two connections made one, with socketpairs. */
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/parallel.h"
#include "core/net/pump.h"
#include "tests/unit/test.h"
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MUCH = 3 * 1024 * 1024 };

struct world {
	int client[2], server[2]; /* [0] is the test's, [1] the pump's */
	struct parallel_thread *pump;
};

static int run(void *context, struct error **err)
{
	struct world *w = context;
	int r = pump(w->client[1], w->server[1], err);

	close(w->client[1]);
	close(w->server[1]);
	return r;
}

static void begin(struct world *w)
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, w->client), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, w->server), 0);
	w->pump = parallel_start(run, w);
}

static void end(struct world *w)
{
	assert_success(parallel_join(w->pump, &test_error));
	close(w->client[0]);
	close(w->server[0]);
}

static void *write_much(void *arg)
{
	char chunk[4096];

	for (size_t sent = 0; sent < MUCH; sent += sizeof(chunk)) {
		memset(chunk, (int)(sent / sizeof(chunk) % 251), sizeof(chunk));
		if (write(*(int *)arg, chunk, sizeof(chunk)) < (ssize_t)sizeof(chunk))
			break; /* nobody takes more; what has come is looked at */
	}
	shutdown(*(int *)arg, SHUT_WR);
	return NULL;
}

static void read_much(int fd)
{
	unsigned char chunk[4096];
	size_t got = 0;
	ssize_t n;

	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		for (ssize_t i = 0; i < n; i++, got++)
			assert_int_equal(chunk[i], got / 4096 % 251);
	assert_int_equal(n, 0);
	assert_int_equal(got, MUCH);
}

/* Both ways, more than the sockets hold; the end of one is no end of the other. */
static void test_all_comes_through(void **state UNUSED)
{
	struct world w;
	pthread_t up, down;
	char byte = 'x';

	begin(&w);
	pthread_create(&up, NULL, write_much, &w.client[0]);
	read_much(w.server[0]);
	pthread_join(up, NULL);
	assert_int_equal(write(w.server[0], &byte, 1), 1);
	assert_int_equal(read(w.client[0], &byte, 1), 1);
	pthread_create(&down, NULL, write_much, &w.server[0]);
	read_much(w.client[0]);
	pthread_join(down, NULL);
	end(&w);
}

/* A peer that is gone ends it, also while there is more for it than it took. */
static void test_who_is_gone_ends_it(void **state UNUSED)
{
	struct world w;
	pthread_t up;
	char chunk[4096];

	begin(&w);
	pthread_create(&up, NULL, write_much, &w.client[0]);
	assert_true(read(w.server[0], chunk, sizeof(chunk)) > 0);
	close(w.server[0]);
	assert_success(parallel_join(w.pump, &test_error));
	pthread_join(up, NULL);
	close(w.client[0]);
}

static void test_a_cancelled_run_ends_it(void **state UNUSED)
{
	struct world w;

	begin(&w);
	cancel_now();
	assert_int_equal(parallel_join(w.pump, &test_error), -1);
	assert_true(error_is(test_error, ERROR_CANCELLED));
	error_clear(&test_error);
	cancel_reset();
	close(w.client[0]);
	close(w.server[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_comes_through),
		cmocka_unit_test(test_who_is_gone_ends_it),
		cmocka_unit_test(test_a_cancelled_run_ends_it),
	};

	signal(SIGPIPE, SIG_IGN);
	cancel_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
