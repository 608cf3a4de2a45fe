#include "bootstrap/boot.h"
#include "bootstrap/nodes.h"
#include "bootstrap/remote.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"

/*
 * The kernel's boot id (proc_sys_kernel(5)) and the start time of process 1 in ticks since then (field 22 of proc_pid_stat(5)): a container has its
 * host's boot id, and a new process 1 after each start.
 */
static const char script[] = "set -e\n"
			     "start=$(sed 's/.*) //' /proc/1/stat | cut -d' ' -f20)\n"
			     "since=$(sed -n 's/^btime //p' /proc/stat)\n"
			     "echo \"$(cat /proc/sys/kernel/random/boot_id)/$start $((since + start / $(getconf CLK_TCK)))\"";

enum { CLOCK_TOLERANCE_MS = 2 * 1000 }; /* btime is the difference of two clocks that are read one after the other */

void boot_clear(struct boot *b)
{
	free(b->mark);
	*b = (struct boot){0};
}

int boot_read(struct ssh *s, int64_t deadline, struct boot *ret, struct error **err)
{
	CLEANUP_BUF struct buf out = BUF_INIT;
	CLEANUP_STRV struct strv words = STRV_INIT;
	struct ssh_command c = {.command = script, .out = &out, .deadline = deadline};

	if (remote_run(s, "reading when it was started", &c, err) < 0)
		return -1;
	strv_split(&words, buf_str(&out), " \n");
	if (words.n != 2)
		return error_set(err, ERROR_NODE, "when it was started cannot be read: \"%.80s\"", buf_str(&out));
	*ret = (struct boot){.mark = xstrdup(words.v[0]), .wall_ms = strtoll(words.v[1], NULL, 10) * 1000};
	return 0;
}

int boot_again(struct ssh *s, int64_t deadline, struct error **err)
{
	struct ssh_command c = {.command = "sudo -n systemctl reboot", .deadline = deadline};
	struct error *why = NULL;

	if (remote_run(s, "systemctl reboot", &c, &why) == 0)
		return 0;
	if (!error_is(why, ERROR_NETWORK))
		return error_move(err, why);
	error_free(why);
	return 0;
}

bool boot_is_ready(const struct boot *b, struct json_object *node)
{
	int64_t heard = 0;

	return node_is_ready(node) && clock_parse(json_get_str(node_condition(node, "Ready"), "lastHeartbeatTime", ""), &heard) &&
	       heard + CLOCK_TOLERANCE_MS >= b->wall_ms;
}
