#include "cmd/openssh.h"
#include "cmd/verbs.h"
#include "core/base/alloc.h"
#include "core/base/path.h"

int verb_openssh(const struct context *c, char **ret_known_hosts, struct buf *ret, struct error **err)
{
	CLEANUP_FREE char *key_file = state_path(c->state, "ssh/id_ed25519"), *known_hosts = state_path(c->state, "ssh/known_hosts");
	CLEANUP_BUF struct buf keys = BUF_INIT;

	openssh_known_hosts(c->spec, c->inventory, &keys);
	openssh_config(c->spec, c->inventory, key_file, known_hosts, ret);
	if (path_write(known_hosts, buf_str(&keys), keys.len, 0600, err) < 0)
		return -1;
	*ret_known_hosts = steal_ptr(known_hosts);
	return 0;
}

int verb_ssh_config(const struct options *o, struct error **err)
{
	CLEANUP_CONTEXT struct context c = {0};
	CLEANUP_BUF struct buf text = BUF_INIT;
	CLEANUP_FREE char *known_hosts = NULL;

	if (context_open(o, CONTEXT_READ, &c, err) < 0 || verb_openssh(&c, &known_hosts, &text, err) < 0)
		return -1;
	return verb_write(o, buf_str(&text), text.len, 0600, err);
}
