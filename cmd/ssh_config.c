#include "cmd/openssh.h"
#include "cmd/verbs.h"
#include "core/base/alloc.h"
#include "core/base/path.h"

int verb_ssh_config(const struct options *o, struct error **err)
{
	CLEANUP_CONTEXT struct context c = {0};
	CLEANUP_BUF struct buf text = BUF_INIT, keys = BUF_INIT;
	CLEANUP_FREE char *key_file = NULL, *known_hosts = NULL;

	if (context_open(o, CONTEXT_READ, &c, err) < 0)
		return -1;
	key_file = state_path(c.state, "ssh/id_ed25519");
	known_hosts = state_path(c.state, "ssh/known_hosts");
	openssh_known_hosts(c.spec, c.inventory, &keys);
	openssh_config(c.spec, c.inventory, key_file, known_hosts, &text);
	if (path_write(known_hosts, buf_str(&keys), keys.len, 0600, err) < 0)
		return -1;
	return verb_write(o, buf_str(&text), text.len, 0600, err);
}
