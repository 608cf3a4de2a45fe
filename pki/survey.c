#include "pki/survey.h"
#include "core/base/alloc.h"
#include "core/base/log.h"
#include "core/base/path.h"
#include "core/cluster/platform.h"
#include "pki/leaf.h"
#include "pki/rotation.h"
#include "pki/table.h"

#define KUBELET_OWN "/var/lib/kubelet/pki/kubelet-client-current.pem"

/* A kubelet renews its own when 70 to 90 % of its time have passed, of a year: with 36 days left at the latest. What nodes renew they begin with when 30
 * are left (certificates-renew), and have told of themselves since 25 (certificates-check). */
enum { DAY = 24 * 3600, KUBELET_DAYS = 30, BY_NODE_DAYS = 25 };

static struct survey_item *add(struct survey *s, enum survey_kind kind, const char *node, char *path)
{
	array_grow(s->items, s->n, s->cap);
	s->items[s->n] = (struct survey_item){.kind = kind, .node = node != NULL ? xstrdup(node) : NULL, .path = path};
	return &s->items[s->n++];
}

static int describe(const char *what, const void *pem, size_t len, struct certificate_facts *ret, struct error **err)
{
	CLEANUP_X509 X509 *c = NULL;

	if (certificate_parse_first(what, pem, len, &c, err) < 0)
		return -1;
	certificate_describe(c, ret);
	return 0;
}

/* 0 also where there is no such file: *ret stays as it is. */
static int read_known(const char *path, struct certificate_facts *ret, struct error **err)
{
	CLEANUP(buf_wipe) struct buf text = BUF_INIT;

	if (!path_exists(path))
		return 0;
	return path_read(path, &text, err) < 0 ? -1 : describe(path, buf_str(&text), text.len, ret, err);
}

static int add_of_state(struct survey *s, enum survey_kind kind, const char *folder, const char *name, struct error **err)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", folder, name);

	return path_exists(path) ? read_known(path, &add(s, kind, NULL, xasprintf("pki/%s", name))->known, err) : 0;
}

static int add_authorities(struct survey *s, const char *folder, bool new, struct error **err)
{
	for (size_t i = 0; i < PKI_SIGNERS; i++) {
		CLEANUP_FREE char *name = xasprintf("%s%s.crt", new ? ROTATION_NEW "/" : "", table_authorities[i].name);

		if (add_of_state(s, SURVEY_AUTHORITY, folder, name, err) < 0)
			return -1;
	}
	return add_of_state(s, SURVEY_ADMIN, folder, "admin.pem", err);
}

static int add_copies(struct survey *s, const char *folder, bool new, const struct plan *plan, const struct node *node, struct error **err)
{
	for (size_t i = 0; i < PKI_SIGNERS; i++) {
		const char *name = table_authorities[i].name;
		CLEANUP_FREE char *path = xasprintf("%s/%s%s.crt", folder, new ? ROTATION_NEW "/" : "", name);

		if ((table_authorities[i].certificate_places & place_of(plan->spec, node)) == 0)
			continue;
		if (read_known(path, &add(s, SURVEY_COPY, node->name, xasprintf("/etc/kubernetes/pki/%s.crt", name))->known, err) < 0)
			return -1;
	}
	return 0;
}

static int add_leaf(struct survey *s, const char *folder, const struct plan *plan, const struct node *node, const struct table_leaf *row, struct error **err)
{
	CLEANUP_FREE char *path = xasprintf("%s/nodes/%s/%s.pem", folder, node->name, row->name);
	struct survey_item *item;

	if (!path_exists(path))
		return 0;
	item = add(s, SURVEY_LEAF, node->name, xasprintf("%s.crt", row->path));
	item->kubeconfig = row->kubeconfig != NULL ? xstrdup(row->kubeconfig) : NULL;
	item->by_node = table_is_renewed_on_nodes(plan, row);
	item->state_file = item->by_node ? xasprintf("nodes/%s/%s.pem", node->name, row->name) : NULL;
	return read_known(path, &item->known, err);
}

static int add_node(struct survey *s, const char *folder, bool new, const struct plan *plan, const struct node *node, struct error **err)
{
	CLEANUP_FREE char *own = xasprintf("%s/nodes/%s", folder, node->name);
	const struct table_leaf *row = NULL;
	size_t i = 0;

	if (!path_exists(own))
		return 0;
	while ((row = table_leaf(plan, node, &i)) != NULL)
		if (add_leaf(s, folder, plan, node, row, err) < 0)
			return -1;
	if (place_of(plan->spec, node) & PLACE_KUBERNETES)
		add(s, SURVEY_KUBELET, node->name, xstrdup(KUBELET_OWN));
	return add_copies(s, folder, new, plan, node, err);
}

int survey_state(const char *folder, const struct plan *plan, const struct node *nodes, size_t n, struct survey *ret,
		 struct error **err)
{
	enum pki_pass pass = PKI_SETTLED;

	if (rotation_pass(folder, &pass, err) < 0 || add_authorities(ret, folder, pass >= PKI_SIGNED, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (add_node(ret, folder, pass >= PKI_SIGNED, plan, &nodes[i], err) < 0)
			return -1;
	return 0;
}

static bool is_of(const struct survey_item *item, const char *node)
{
	return item->node != NULL && strcmp(item->node, node) == 0;
}

void survey_paths(const struct survey *s, const char *node, struct strv *ret)
{
	for (size_t i = 0; i < s->n; i++)
		if (is_of(&s->items[i], node))
			strv_add(ret, s->items[i].path);
}

static bool is_renewed(const struct survey_item *item)
{
	return item->by_node && strcmp(item->known.identity, item->found.identity) == 0 && item->found.not_after > item->known.not_after;
}

/* The first certificate of the file, alone. */
static char *first_pem(const struct file *file)
{
	CLEANUP_X509 X509 *c = NULL;
	CLEANUP_BUF struct buf text = BUF_INIT;

	if (certificate_parse_first(file->path, buf_str(&file->content), file->content.len, &c, NULL) < 0 || certificate_write(c, &text, NULL) < 0)
		return NULL;
	return buf_steal(&text);
}

static void take(struct survey_item *item, const struct file *file)
{
	certificate_facts_clear(&item->found);
	free(steal_ptr(item->renewed));
	item->standing = SURVEY_MISSING;
	if (file == NULL)
		return;
	item->standing = SURVEY_OTHER;
	if (describe(item->path, buf_str(&file->content), file->content.len, &item->found, NULL) < 0)
		return;
	if (item->kind == SURVEY_KUBELET || strcmp(item->known.fingerprint, item->found.fingerprint) == 0) {
		item->standing = SURVEY_SAME;
	} else if (is_renewed(item)) {
		item->renewed = first_pem(file);
		item->standing = SURVEY_RENEWED;
	}
}

void survey_take(struct survey *s, const char *node, const struct fileset *files)
{
	for (size_t i = 0; i < s->n; i++)
		if (is_of(&s->items[i], node))
			take(&s->items[i], fileset_find(files, s->items[i].path));
}

static int adopt(const char *folder, X509 *ca, struct survey_item *item, struct error **err)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", folder, item->state_file);

	if (leaf_replace(path, ca, item->renewed, err) < 0)
		return -1;
	certificate_facts_clear(&item->known);
	item->standing = SURVEY_SAME;
	return read_known(path, &item->known, err);
}

static int read_authority(const char *folder, X509 **ret, struct error **err)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s.crt", folder, table_authorities[PKI_CA].name);
	CLEANUP_BUF struct buf text = BUF_INIT;

	return path_read(path, &text, err) < 0 ? -1 : certificate_parse(path, buf_str(&text), text.len, ret, err);
}

static bool has_renewed(const struct survey *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->items[i].standing == SURVEY_RENEWED)
			return true;
	return false;
}

int survey_adopt(const char *folder, struct survey *s, size_t *ret_n, struct error **err)
{
	CLEANUP_X509 X509 *ca = NULL;
	enum pki_pass pass = PKI_SETTLED;

	*ret_n = 0;
	if (!has_renewed(s))
		return 0;
	if (rotation_pass(folder, &pass, err) < 0 || (pass == PKI_SETTLED && read_authority(folder, &ca, err) < 0))
		return -1;
	for (size_t i = 0; i < s->n && pass == PKI_SETTLED; i++) {
		CLEANUP_ERROR struct error *why = NULL;
		struct survey_item *item = &s->items[i];

		if (item->standing != SURVEY_RENEWED)
			continue;
		if (adopt(folder, ca, item, &why) == 0)
			++*ret_n;
		else
			log_warning("%s: %s", item->node, error_message(why));
	}
	return 0;
}

void survey_free(struct survey *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->items[i].state_file);
		free(s->items[i].renewed);
		free(s->items[i].node);
		free(s->items[i].path);
		free(s->items[i].kubeconfig);
		certificate_facts_clear(&s->items[i].known);
		certificate_facts_clear(&s->items[i].found);
	}
	free(s->items);
	*s = (struct survey){0};
}

const struct certificate_facts *survey_facts(const struct survey_item *i)
{
	if (i->found.subject != NULL)
		return &i->found;
	return i->known.subject != NULL && (i->standing == SURVEY_UNREAD || i->standing == SURVEY_SAME) ? &i->known : NULL;
}

const struct certificate_facts *survey_first(const struct survey_item *i)
{
	if (i->standing == SURVEY_RENEWED)
		return &i->found;
	if (i->known.subject == NULL || i->found.subject == NULL)
		return i->known.subject != NULL ? &i->known : i->found.subject != NULL ? &i->found : NULL;
	return i->found.not_after < i->known.not_after ? &i->found : &i->known;
}

int64_t survey_days(const struct certificate_facts *f, int64_t now)
{
	int64_t left = f->not_after - now;

	return left >= 0 ? left / DAY : -((-left + DAY - 1) / DAY);
}

bool survey_is_ending(const struct survey_item *i, int64_t now, int days)
{
	const struct certificate_facts *f = survey_first(i);

	if (i->kind == SURVEY_KUBELET && days > KUBELET_DAYS)
		days = KUBELET_DAYS;
	if (i->by_node && days > BY_NODE_DAYS)
		days = BY_NODE_DAYS;
	return f != NULL && survey_days(f, now) < days;
}
