#include "pki/pki_internal.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/path.h"
#include "core/cluster/platform.h"
#include "pki/key.h"
#include "pki/kubeconfig.h"
#include "pki/leaf.h"
#include "pki/rotation.h"
#include <sys/stat.h>

#define CA_PATH "/etc/kubernetes/pki/ca.crt"

enum { SUPER_ADMIN_DAYS = 1 }; /* it is used once, minutes after it was made */

static int64_t now_seconds(void)
{
	return clock_wall_ms() / 1000;
}

static struct leaf_age age_of(const struct pki *p)
{
	const struct pki_renewal *r = &p->renewal;

	return (struct leaf_age){r->now != 0 ? r->now : now_seconds(), r->within, r->made_before};
}

void pki_renew(struct pki *p, struct pki_renewal renewal)
{
	p->renewal = renewal;
}

/* The one that signs comes first: who wants the key's own certificate takes that. */
static void join_anchors(struct pki *p)
{
	for (size_t i = 0; i < PKI_SIGNERS; i++) {
		const char *also = p->other.authorities[i].certificate_pem;

		if (p->signer.authorities[i].certificate_pem != NULL)
			p->anchors[i] = xasprintf("%s%s", p->signer.authorities[i].certificate_pem, also != NULL ? also : "");
	}
}

static int add_above(const struct generation *g, bool root, struct buf *ret, struct error **err)
{
	for (int i = 0; i < sk_X509_num(g->above); i++) /* -1 of NULL */
		if ((root || !certificate_is_root(sk_X509_value(g->above, i))) && certificate_write(sk_X509_value(g->above, i), ret, err) < 0)
			return -1;
	return 0;
}

/* OpenSSL's own clients, unlike Go's and curl, want to see a root above each: pods and people get it with the rest. */
static int join_above(struct pki *p, struct error **err)
{
	CLEANUP_BUF struct buf published = BUF_INIT, above = BUF_INIT;

	buf_add(&published, p->anchors[PKI_CA] != NULL ? p->anchors[PKI_CA] : "");
	if (add_above(&p->signer, true, &published, err) < 0 || add_above(&p->other, true, &published, err) < 0 ||
	    add_above(&p->signer, false, &above, err) < 0)
		return -1;
	p->published = buf_steal(&published);
	p->above = buf_steal(&above);
	return 0;
}

/* Which of the two keys signs tokens, and which are believed.  Without a new one the old one stays to the end. */
static void choose_sa(struct pki *p, struct generation *own, const struct generation *new)
{
	bool replaced = new != NULL && new->sa_key != NULL;

	if (own->sa_key == NULL && !replaced) /* only Kubernetes has one */
		return;

	p->sa_key = replaced && p->pass >= PKI_SIGNED ? new->sa_key : own->sa_key;
	if (!replaced)
		p->sa_pub = xstrdup(own->sa_pub);
	else if (p->pass == PKI_ALONE)
		p->sa_pub = xstrdup(new->sa_pub);
	else
		p->sa_pub = xasprintf("%s%s", own->sa_pub, new->sa_pub);
}

static int open_generations(struct pki *p, struct error **err)
{
	CLEANUP_FREE char *path = rotation_folder(p->folder, PKI_SIGNED);
	bool rotating = p->pass != PKI_SETTLED, signs = p->pass >= PKI_SIGNED;
	struct generation *own = signs ? &p->other : &p->signer, *new = signs ? &p->signer : &p->other;

	/* while the new ones alone count the own ones may be overwritten by them, or be half of each */
	if (p->pass != PKI_ALONE && generation_open(p->folder, &p->options, !rotating, true, own, err) < 0)
		return -1;
	if (rotating && generation_open(path, &p->options, false, false, new, err) < 0)
		return -1;
	if (p->pass == PKI_ALONE && new->sa_key == NULL && generation_sa(p->folder, own, err) < 0)
		return -1;
	join_anchors(p);
	choose_sa(p, own, rotating ? new : NULL);
	return join_above(p, err);
}

static int make_folders(const struct pki *p, struct error **err)
{
	CLEANUP_FREE char *nodes = xasprintf("%s/nodes", p->folder);

	if (path_mkdirs(p->folder, 0700, err) < 0 || path_mkdirs(nodes, 0700, err) < 0)
		return -1;
	if (chmod(p->folder, 0700) < 0)
		return error_set(err, ERROR_INTERNAL, "cannot keep others out of the folder %s", p->folder);
	return 0;
}

int pki_open(const char *folder, const struct pki_options *options, struct pki **ret, struct error **err)
{
	struct pki *p = xnew(struct pki);

	p->folder = xstrdup(folder);
	p->options = *options;
	p->renewal.within = LEAF_AGE(0).left;
	pthread_mutex_init(&p->admin_lock, NULL);
	if (make_folders(p, err) < 0 || rotation_pass(folder, &p->pass, err) < 0 || open_generations(p, err) < 0) {
		pki_free(p);
		return -1;
	}
	*ret = p;
	return 0;
}

void pki_free(struct pki *p)
{
	if (p == NULL)
		return;
	generation_clear(&p->signer);
	generation_clear(&p->other);
	for (size_t i = 0; i < PKI_SIGNERS; i++)
		free(p->anchors[i]);
	free(p->published);
	free(p->above);
	free(p->sa_pub);
	free(p->folder);
	pthread_mutex_destroy(&p->admin_lock);
	free(p);
}

void pki_free_ptr(struct pki **p)
{
	pki_free(*p);
	*p = NULL;
}

const char *pki_ca_pem(struct pki *p, const char *authority)
{
	for (size_t i = 0; i < PKI_SIGNERS; i++)
		if (strcmp(table_authorities[i].name, authority) == 0)
			return p->anchors[i];
	return NULL;
}

const char *pki_published_pem(const struct pki *p)
{
	return p->published;
}

enum pki_pass pki_pass(const struct pki *p)
{
	return p->pass;
}

bool pki_is_beneath_site(const struct pki *p)
{
	return p->signer.above != NULL;
}

/* The controller manager's signer takes a file with one certificate alone ("expected 1 certificate, found 2"). */
const char *pki_signing_path(const struct pki *p)
{
	return p->other.authorities[PKI_CA].certificate_pem != NULL ? "/etc/kubernetes/pki/signing-ca.crt" : CA_PATH;
}

const char *pki_published_path(const struct pki *p)
{
	return p->signer.above != NULL || p->other.above != NULL ? "/etc/kubernetes/pki/published-ca.crt" : CA_PATH;
}

const char *pki_ca_certificate(struct pki *p, const char *authority)
{
	for (size_t i = 0; i < PKI_SIGNERS; i++)
		if (strcmp(table_authorities[i].name, authority) == 0)
			return p->signer.authorities[i].certificate_pem;
	return NULL;
}

const char *pki_ca_key(struct pki *p, const char *authority)
{
	for (size_t i = 0; i < PKI_SIGNERS; i++)
		if (strcmp(table_authorities[i].name, authority) == 0)
			return p->signer.authorities[i].key_pem;
	return NULL;
}

/* What a node gets, and when its certificates end: a line "END PATH" for each, END in seconds since 1970, for the node's own timer, which need not read
 * them. Of several in a file the first counts. Of those that the node renews by itself the end is in the file alone: a line "NAME PATH" for each, and, on
 * control planes, which sign them, "NAME SUBJECT", where "{node}" is the node's name. */
struct outfit {
	struct fileset *files;
	struct buf ends, renewed, subjects;
};

static void put(struct outfit *to, const char *base, const char *extension, const char *text, bool secret)
{
	CLEANUP_FREE char *path = xasprintf("%s%s", base, extension);

	if (secret)
		fileset_add_secret(to->files, path, 0600, text);
	else
		fileset_add(to->files, path, 0644, text);
}

static void put_certificate(struct outfit *to, const char *path, const char *text, int64_t end)
{
	fileset_add(to->files, path, 0644, text);
	buf_addf(&to->ends, "%lld %s\n", (long long)end, path);
}

/* Programs that take a single certificate, and those that want to see a root, have files of their own, where these differ. */
static void put_others(const struct pki *p, const struct node *node, struct outfit *to)
{
	const struct authority *ca = &p->signer.authorities[PKI_CA];
	const char *signing = pki_signing_path(p), *published = pki_published_path(p);

	if (node->role == NODE_CONTROL_PLANE && strcmp(signing, CA_PATH) != 0)
		put_certificate(to, signing, ca->certificate_pem, certificate_not_after(ca->certificate));
	if (node_runs_kubernetes(node->role) && strcmp(published, CA_PATH) != 0)
		put_certificate(to, published, p->published, certificate_not_after(ca->certificate));
}

static void put_authorities(const struct pki *p, const struct plan *plan, const struct node *node, struct outfit *to)
{
	unsigned place = place_of(plan->spec, node);

	for (size_t i = 0; i < PKI_SIGNERS; i++) {
		CLEANUP_FREE char *path = xasprintf("/etc/kubernetes/pki/%s.crt", table_authorities[i].name);
		CLEANUP_FREE char *base = xasprintf("/etc/kubernetes/pki/%s", table_authorities[i].name);

		if (table_authorities[i].certificate_places & place)
			put_certificate(to, path, p->anchors[i], certificate_not_after(p->signer.authorities[i].certificate));
		if (table_authorities[i].key_places & place)
			put(to, base, ".key", p->signer.authorities[i].key_pem, true);
	}
	if (place & PLACE_CONTROL_PLANE) {
		put(to, "/etc/kubernetes/pki/sa", ".key", p->sa_key, true);
		put(to, "/etc/kubernetes/pki/sa", ".pub", p->sa_pub, false);
	}
}

static void put_kubeconfig(const struct plan *plan, const struct node *node, const struct table_leaf *row, const char *user, struct outfit *to)
{
	CLEANUP_FREE char *server = table_server(plan, node);
	CLEANUP_FREE char *certificate = xasprintf("%s.crt", row->path);
	CLEANUP_FREE char *key = xasprintf("%s.key", row->path);
	CLEANUP_BUF struct buf text = BUF_INIT;
	struct kubeconfig k = {
		.cluster = plan->spec->name,
		.user = user,
		.server = server,
		.ca = CA_PATH,
		.certificate = certificate,
		.key = key,
	};

	kubeconfig_write(&k, &text);
	fileset_add(to->files, row->kubeconfig, 0600, buf_str(&text));
}

static int put_renewed(const struct table_leaf *row, const char *path, const char *text, struct outfit *to, struct error **err)
{
	CLEANUP(certificate_facts_clear) struct certificate_facts facts = {0};
	CLEANUP_X509 X509 *c = NULL;

	if (certificate_parse_first(path, text, strlen(text), &c, err) < 0)
		return -1;
	certificate_describe(c, &facts);
	fileset_add(to->files, path, 0644, text)->identity = xstrdup(facts.identity);
	buf_addf(&to->renewed, "%s %s\n", row->name, path);
	buf_addf(&to->subjects, "%s CN=%s%s%s\n", row->name, row->cn, row->o != NULL ? ",O=" : "", row->o != NULL ? row->o : "");
	return 0;
}

/* Who calls a server may know nothing but the root of the site. */
static int put_pair(const struct pki *p, const struct plan *plan, const struct table_leaf *row, const struct leaf *leaf, struct outfit *to, struct error **err)
{
	bool shows = (row->usage & CERTIFICATE_SERVER) != 0 && pki_is_beneath_site(p);
	CLEANUP_FREE char *path = xasprintf("%s.crt", row->path);
	CLEANUP_FREE char *text = xasprintf("%s%s%s", leaf->certificate_pem, shows ? p->signer.authorities[row->signer].certificate_pem : "", shows ? p->above : "");

	put(to, row->path, ".key", leaf->key_pem, true);
	if (table_is_renewed_on_nodes(plan, row))
		return put_renewed(row, path, text, to, err);
	put_certificate(to, path, text, leaf->not_after);
	return 0;
}

static int put_leaf(struct pki *p, const struct plan *plan, const struct node *node, const struct table_leaf *row, struct outfit *to, struct error **err)
{
	CLEANUP_FREE char *path = xasprintf("%s/nodes/%s/%s.pem", p->folder, node->name, row->name);
	CLEANUP_FREE char *cn = table_cn(row, node);
	CLEANUP_STRV struct strv sans = STRV_INIT;
	CLEANUP_LEAF struct leaf leaf = {0};
	struct certificate_want want = {.algorithm = p->options.algorithm, .cn = cn, .o = row->o, .usage = row->usage, .sans = &sans};
	struct leaf_age age = age_of(p);

	if (row->sans != NULL)
		row->sans(plan, node, &sans);
	if (leaf_get(path, &p->signer.authorities[row->signer], &want, &age, &leaf, err) < 0 || put_pair(p, plan, row, &leaf, to, err) < 0)
		return -1;
	if (row->kubeconfig != NULL)
		put_kubeconfig(plan, node, row, cn, to);
	return 0;
}

static void put_lists(const struct node *node, struct outfit *to)
{
	fileset_add(to->files, "/etc/davit/certificates", 0644, buf_str(&to->ends));
	if (to->renewed.len == 0)
		return;
	fileset_add(to->files, PKI_RENEWED_FILE, 0644, buf_str(&to->renewed));
	if (node->role == NODE_CONTROL_PLANE)
		fileset_add(to->files, "/etc/davit/renewed-subjects", 0644, buf_str(&to->subjects));
}

int pki_node_files(struct pki *p, const struct plan *plan, const struct node *node, struct fileset *ret, struct error **err)
{
	CLEANUP_FREE char *folder = xasprintf("%s/nodes/%s", p->folder, node->name);
	struct outfit to = {.files = ret};
	const struct table_leaf *row = NULL;
	size_t i = 0;
	int r = path_mkdirs(folder, 0700, err);

	put_authorities(p, plan, node, &to);
	put_others(p, node, &to);
	while (r == 0 && (row = table_leaf(plan, node, &i)) != NULL)
		if (put_leaf(p, plan, node, row, &to, err) < 0)
			r = error_wrap(err, "certificates of %s", node->name);
	if (r == 0)
		put_lists(node, &to);
	buf_free(&to.ends);
	buf_free(&to.renewed);
	buf_free(&to.subjects);
	return r;
}

int pki_admin_kubeconfig(struct pki *p, const char *cluster, const char *server_url, struct buf *ret, struct error **err)
{
	CLEANUP_FREE char *path = xasprintf("%s/admin.pem", p->folder);
	/* not "kubernetes-admin": users of several clusters in one KUBECONFIG must not share a name */
	CLEANUP_FREE char *user = xasprintf("%s-admin", cluster);
	CLEANUP_LEAF struct leaf leaf = {0};
	struct certificate_want want = {
		.algorithm = p->options.algorithm, .cn = "kubernetes-admin", .o = "kubeadm:cluster-admins", .usage = CERTIFICATE_CLIENT};
	struct kubeconfig k = {.cluster = cluster, .user = user, .server = server_url, .embed = true};
	struct leaf_age age = age_of(p);
	int result;

	pthread_mutex_lock(&p->admin_lock);
	result = leaf_get(path, &p->signer.authorities[PKI_CA], &want, &age, &leaf, err);
	pthread_mutex_unlock(&p->admin_lock);
	if (result < 0)
		return error_wrap(err, "kubeconfig of %s", cluster);
	k.ca = p->published;
	k.certificate = leaf.certificate_pem;
	k.key = leaf.key_pem;
	kubeconfig_write(&k, ret);
	return 0;
}

int pki_super_admin(struct pki *p, struct buf *ret_pem, struct error **err)
{
	CLEANUP_LEAF struct leaf leaf = {0};
	struct certificate_want want = {.cn = "kubernetes-super-admin", .o = "system:masters", .usage = CERTIFICATE_CLIENT};

	if (leaf_make(&p->signer.authorities[PKI_CA], want, now_seconds(), SUPER_ADMIN_DAYS, &leaf, err) < 0)
		return -1;
	buf_add(ret_pem, leaf.certificate_pem);
	buf_add(ret_pem, leaf.key_pem);
	return 0;
}
