#include "cmd/backup_away.h"
#include "cmd/backup_open.h"
#include "cmd/marks.h"
#include "cmd/verbs.h"
#include "bootstrap/bootstrap.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/path.h"
#include "core/cluster/recovery.h"
#include "core/net/dial.h"

enum { CONNECT_MS = 30 * 1000, SSH_PORT = 22 };

/* A state that an earlier recovery rebuilt from the cloud alone is gone on with; any other is there to be used. */
static int open_partial(struct context *c, struct error **err)
{
	struct error *why = NULL;

	if (state_open(c->o->state_folder, c->spec->name, STATE_EXISTING, &c->state, &why) < 0) {
		if (!error_is(why, ERROR_NOT_FOUND))
			return error_move(err, why);
		error_free(why);
		return 0;
	}
	if (!context_has_keys(c))
		return 0;
	return error_set(err, ERROR_CONFLICT, "cluster %s has its state in %s: there is nothing to recover; move it away first if it is damaged",
			 c->spec->name, state_folder(c->state));
}

static int make_state(struct context *c, struct cloud *cloud, struct error **err)
{
	CLEANUP_FREE char *uuid = NULL, *where = NULL;

	if (c->state != NULL)
		return 0;
	if (marks_find(cloud, c->spec->name, c->o->uuid, &uuid, err) < 0)
		return -1;
	where = cloud_describe(cloud);
	if (uuid == NULL)
		return error_set(err, ERROR_NOT_FOUND, "nothing in %s bears the mark of a cluster %s", where, c->spec->name);
	if (state_create(c->o->state_folder, c->spec->name, uuid, &c->state, err) < 0)
		return -1;
	return state_set(c->state, "keys", "lost", err);
}

/* What the cloud knows: resources, nodes, addresses. */
static int from_cloud(struct context *c, struct cloud *cloud, struct error **err)
{
	CLEANUP_VIEW struct view *view = NULL;
	struct resource *rows = NULL;
	size_t n = 0;

	if (context_check_project(c->state, cloud, err) < 0 || context_remember(c, cloud, err) < 0 ||
	    provision_look(cloud, NULL, state_uuid(c->state), &view, err) < 0 ||
	    provision_adopt(view, c->state, c->inventory, err) < 0 || state_resources(c->state, &rows, &n, err) < 0)
		return -1;
	resource_list_free(rows, n);
	log_info("cluster %s, %s: %zu resources and %zu nodes are in the cloud", c->spec->name, state_uuid(c->state), n,
		 inventory_len(c->inventory));
	return 0;
}

static int fetch_from(const struct context *c, const struct node *n, struct buf *ret, struct error **err)
{
	const char *address = n->floating_ip != NULL ? n->floating_ip : n->address;
	struct ssh_login login = {.name = n->name,
				  .user = c->spec->access.user,
				  .key_file = c->o->identity,
				  .first_use = true,
				  .fingerprint = c->o->host_key != NULL ? c->o->host_key : "the one that --host-key tells",
				  .deadline = clock_deadline(CONNECT_MS)};
	CLEANUP_SSH struct ssh *s = NULL;
	int fd = -1;

	if (dial_tcp(address, SSH_PORT, login.deadline, &fd, err) < 0 || ssh_connect(fd, &login, &s, err) < 0)
		return -1;
	return bootstrap_get_recovery(s, ret, err);
}

/* From the first control plane: all have the same. */
static int fetch(const struct context *c, struct buf *ret, struct error **err)
{
	size_t n;
	struct node *nodes = inventory_list(c->inventory, &n);
	int r = -1;

	if (n > 0 && nodes[0].role == NODE_CONTROL_PLANE)
		r = fetch_from(c, &nodes[0], ret, err);
	else
		error_set(err, ERROR_NOT_FOUND, "cluster %s has no control plane any more to fetch its keys from", c->spec->name);
	node_list_free(nodes, n);
	return r;
}

/* A backup holds one, too, beside what may be too large to be read here; that of a swarm, what opens its managers as well. */
static int read_archive(const struct context *c, struct buf *ret, char **ret_unlock, struct error **err)
{
	CLEANUP_BACKUP_FILE struct backup_file f = {.fd = -1};
	CLEANUP_ERROR struct error *why = NULL;
	CLEANUP(backup_away_drop) char *folder = NULL;
	CLEANUP_FREE char *path = NULL;

	if (backup_away_local(c->o->archive, context_cloud(c), &folder, &path, err) < 0)
		return -1;
	if (backup_file_open(path, &f, &why) == 0) {
		if (backup_unseal(c->o, &f, ret, err) < 0)
			return -1;
		*ret_unlock = steal_ptr(f.unlock);
		return 0;
	}
	return backup_file_is_backup(path) ? error_move(err, steal_ptr(why)) : path_read(path, ret, err);
}

static int from_nodes(struct context *c, struct error **err)
{
	CLEANUP(buf_wipe) struct buf text = BUF_INIT;
	CLEANUP_SECRET char *unlock = NULL;

	if ((c->o->archive != NULL ? read_archive(c, &text, &unlock, err) : fetch(c, &text, err)) < 0 ||
	    recovery_read(buf_str(&text), text.len, c->state, c->inventory, err) < 0 ||
	    (unlock != NULL && state_set(c->state, STATE_UNLOCK_KEYS, unlock, err) < 0) || state_set(c->state, "keys", "", err) < 0)
		return -1;
	log_info("keys, passwords and host keys are back in %s; \"davit plan\" tells what differs from %s", state_folder(c->state),
		 c->spec->path);
	return 0;
}

int verb_recover(const struct options *o, struct error **err)
{
	CLEANUP_CONTEXT struct context c = {.o = o, .inventory = inventory_new()};
	CLEANUP_CLOUD struct cloud *cloud = NULL;

	if (o->identity != NULL && o->archive != NULL)
		return error_set(err, ERROR_USAGE, "recover: --identity and --archive are two ways to the same: give one of them");
	if (spec_load(o->file, &c.spec, err) < 0 || open_partial(&c, err) < 0 || cloud_open(context_cloud(&c), &cloud, err) < 0 ||
	    make_state(&c, cloud, err) < 0 || from_cloud(&c, cloud, err) < 0)
		return -1;
	if (o->identity != NULL || o->archive != NULL)
		return from_nodes(&c, err);
	log_warning("its keys are not here: plan and delete work; \"davit recover --identity FILE\" or --archive FILE brings the rest");
	return 0;
}
