#include "cmd/verbs.h"
#include "core/base/alloc.h"
#include "core/cluster/platform.h"

/* By SSH: the engines' ports stay closed, and who may log in may use the engine. */
int verb_docker_context(const struct options *o, struct error **err)
{
	CLEANUP_CONTEXT struct context c = {0};
	CLEANUP_BUF struct buf text = BUF_INIT;
	const char *manager;

	if (context_open(o, CONTEXT_READ, &c, err) < 0)
		return -1;
	if (!platform_is_swarm(c.spec->platform))
		return error_set(err, ERROR_USAGE, "cluster %s is no swarm: \"davit kubeconfig\" gives access to it", c.spec->name);
	manager = context_plane(&c);
	if (manager == NULL)
		return error_set(err, ERROR_NOT_FOUND, "no manager of cluster %s was installed yet; run \"davit apply\"", c.spec->name);
	buf_addf(&text,
		 "# A context of the docker client, through SSH to %s: davit docker-context | sh\n"
		 "# ssh knows the way by the block that \"davit ssh-config\" prints, in ~/.ssh/config.\n"
		 "docker context create %s --description 'swarm %s, made by davit' --docker host=ssh://%s\n",
		 manager, c.spec->name, c.spec->name, manager);
	return verb_write(o, buf_str(&text), text.len, 0644, err);
}
