#include "bootstrap/bootstrap.h"
#include "bootstrap/remote.h"
#include "core/base/alloc.h"
#include "core/cluster/recovery.h"

#define FILE_NAME "'" RECOVERY_PATH "'"

/* Nothing on standard input: what is there goes. */
int bootstrap_keep_recovery(struct ssh *s, const struct buf *text, struct error **err)
{
	static const char script[] = "set -eu\numask 077\nf=" FILE_NAME "\n[ -d /etc/davit ] || mkdir -m 755 /etc/davit\n"
				     "cat >\"$f.new\"\n[ -s \"$f.new\" ] || { rm -f \"$f.new\" \"$f\"; exit; }\n"
				     "sync \"$f.new\"\nmv -f \"$f.new\" \"$f\"\n";
	CLEANUP_BUF struct buf command = BUF_INIT;
	struct ssh_command c = {.in = buf_str(text), .in_len = text->len};

	remote_command(&command, script);
	c.command = buf_str(&command);
	return remote_run(s, "writing " RECOVERY_PATH, &c, err);
}

int bootstrap_get_recovery(struct ssh *s, struct buf *ret, struct error **err)
{
	static const char script[] = "[ ! -e " FILE_NAME " ] || cat " FILE_NAME;
	CLEANUP_BUF struct buf command = BUF_INIT;
	struct ssh_command c = {.out = ret};

	remote_command(&command, script);
	c.command = buf_str(&command);
	if (remote_run(s, "reading " RECOVERY_PATH, &c, err) < 0)
		return -1;
	return ret->len > 0 ? 0
			    : error_set(err, ERROR_NOT_FOUND,
					"the node has no " RECOVERY_PATH ": access.recovery is none, or no apply has come to its end");
}
