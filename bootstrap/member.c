#include "bootstrap/member.h"
#include "bootstrap/remote.h"
#include "bootstrap/texts.h"

static int ask(struct ssh *s, const char *what, const char *mode, const char *address, int64_t deadline, struct error **err)
{
	CLEANUP_BUF struct buf command = BUF_INIT, errors = BUF_INIT;
	struct ssh_command c = {.errors = &errors, .deadline = deadline};

	remote_command(&command, text_members);
	buf_addf(&command, " %s ", mode);
	buf_add_shell(&command, address);
	c.command = buf_str(&command);
	return remote_run(s, what, &c, err);
}

int member_is_dispensable(struct ssh *s, const char *address, int64_t deadline, struct error **err)
{
	return ask(s, "a look at etcd's other members", "check", address, deadline, err);
}

int member_remove(struct ssh *s, const char *address, int64_t deadline, struct error **err)
{
	return ask(s, "the removal of a member of etcd", "remove", address, deadline, err);
}

int member_stop_plane(struct ssh *s, int64_t deadline, struct error **err)
{
	CLEANUP_BUF struct buf command = BUF_INIT, errors = BUF_INIT;
	struct ssh_command c = {.errors = &errors, .deadline = deadline};

	remote_command(&command, "exec systemctl stop kube-apiserver.service kube-controller-manager.service kube-scheduler.service");
	c.command = buf_str(&command);
	return remote_run(s, "systemctl stop", &c, err);
}
