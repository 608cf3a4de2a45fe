#include "pki/pki_internal.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/path.h"
#include "pki/key.h"
#include "pki/kubeconfig.h"
#include "pki/leaf.h"
#include <sys/stat.h>

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

static int open_authorities(struct pki *p, struct error **err)
{
	for (size_t i = 0; i < PKI_SIGNERS; i++)
		if (authority_open(p->folder, table_authorities[i].name, table_authorities[i].cn, p->algorithm, now_seconds(),
				   &p->authorities[i], err) < 0)
			return -1;
	return 0;
}

static int make_sa_key(const char *path, enum key_algorithm algorithm, EVP_PKEY **ret, struct error **err)
{
	CLEANUP(buf_wipe) struct buf text = BUF_INIT;
	/* RS256 is what verifiers outside of the cluster take for granted (OpenID Connect requires it of them) */
	enum key_algorithm rsa = algorithm < KEY_RSA_2048 ? KEY_RSA_2048 : algorithm;

	if (key_make(rsa, ret, err) < 0 || key_write(*ret, &text, err) < 0)
		return -1;
	return path_write(path, text.data, text.len, 0600, err);
}

static int read_sa_key(const char *path, EVP_PKEY **ret, struct error **err)
{
	CLEANUP(buf_wipe) struct buf text = BUF_INIT;

	if (path_read(path, &text, err) < 0)
		return -1;
	return key_parse(path, buf_str(&text), text.len, ret, err);
}

static int open_sa(struct pki *p, struct error **err)
{
	CLEANUP_FREE char *key_path = xasprintf("%s/sa.key", p->folder);
	CLEANUP_FREE char *pub_path = xasprintf("%s/sa.pub", p->folder);
	CLEANUP(buf_wipe) struct buf key_text = BUF_INIT;
	CLEANUP_BUF struct buf pub_text = BUF_INIT;
	CLEANUP_PKEY EVP_PKEY *key = NULL;

	if ((path_exists(key_path) ? read_sa_key(key_path, &key, err) : make_sa_key(key_path, p->algorithm, &key, err)) < 0)
		return -1;
	if (key_write(key, &key_text, err) < 0 || key_write_public(key, &pub_text, err) < 0)
		return -1;
	/* sa.pub in the folder is for people: what nodes get is always computed from the key */
	if (!path_exists(pub_path) && path_write(pub_path, pub_text.data, pub_text.len, 0644, err) < 0)
		return -1;
	p->sa_key = buf_steal(&key_text);
	p->sa_pub = buf_steal(&pub_text);
	return 0;
}

static int make_folders(const struct pki *p, struct error **err)
{
	static const char *const folders[] = {"", "/etcd", "/nodes"};

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		CLEANUP_FREE char *path = xasprintf("%s%s", p->folder, folders[i]);

		if (path_mkdirs(path, 0700, err) < 0)
			return -1;
	}
	if (chmod(p->folder, 0700) < 0)
		return error_set(err, ERROR_INTERNAL, "cannot keep others out of the folder %s", p->folder);
	return 0;
}

int pki_open(const char *folder, enum key_algorithm algorithm, struct pki **ret, struct error **err)
{
	struct pki *p = xnew(struct pki);

	p->folder = xstrdup(folder);
	p->algorithm = algorithm;
	p->renewal.within = LEAF_AGE(0).left;
	pthread_mutex_init(&p->admin_lock, NULL);
	if (make_folders(p, err) < 0 || open_authorities(p, err) < 0 || open_sa(p, err) < 0) {
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
	for (size_t i = 0; i < PKI_SIGNERS; i++)
		authority_clear(&p->authorities[i]);
	secret_free(p->sa_key);
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
			return p->authorities[i].certificate_pem;
	return NULL;
}

static void put(struct fileset *to, const char *base, const char *extension, const char *text, bool secret)
{
	CLEANUP_FREE char *path = xasprintf("%s%s", base, extension);

	if (secret)
		fileset_add_secret(to, path, 0600, text);
	else
		fileset_add(to, path, 0644, text);
}

static void put_authorities(const struct pki *p, const struct node *node, struct fileset *ret)
{
	for (size_t i = 0; i < PKI_SIGNERS; i++) {
		CLEANUP_FREE char *base = xasprintf("/etc/kubernetes/pki/%s", table_authorities[i].name);

		if (table_authorities[i].certificate_roles & (1u << node->role))
			put(ret, base, ".crt", p->authorities[i].certificate_pem, false);
		if (table_authorities[i].key_roles & (1u << node->role))
			put(ret, base, ".key", p->authorities[i].key_pem, true);
	}
	if (node->role == NODE_CONTROL_PLANE) {
		put(ret, "/etc/kubernetes/pki/sa", ".key", p->sa_key, true);
		put(ret, "/etc/kubernetes/pki/sa", ".pub", p->sa_pub, false);
	}
}

static void put_kubeconfig(const struct plan *plan, const struct node *node, const struct table_leaf *row, const char *user,
			   struct fileset *ret)
{
	CLEANUP_FREE char *server = table_server(plan, node);
	CLEANUP_FREE char *certificate = xasprintf("%s.crt", row->path);
	CLEANUP_FREE char *key = xasprintf("%s.key", row->path);
	CLEANUP_BUF struct buf text = BUF_INIT;
	struct kubeconfig k = {
		.cluster = plan->spec->name,
		.user = user,
		.server = server,
		.ca = "/etc/kubernetes/pki/ca.crt",
		.certificate = certificate,
		.key = key,
	};

	kubeconfig_write(&k, &text);
	fileset_add(ret, row->kubeconfig, 0600, buf_str(&text));
}

static int put_leaf(struct pki *p, const struct plan *plan, const struct node *node, const struct table_leaf *row,
		    struct fileset *ret, struct error **err)
{
	CLEANUP_FREE char *path = xasprintf("%s/nodes/%s/%s.pem", p->folder, node->name, row->name);
	CLEANUP_FREE char *cn = table_cn(row, node);
	CLEANUP_STRV struct strv sans = STRV_INIT;
	CLEANUP_LEAF struct leaf leaf = {0};
	struct certificate_want want = {.algorithm = p->algorithm, .cn = cn, .o = row->o, .usage = row->usage, .sans = &sans};
	struct leaf_age age = age_of(p);

	if (row->sans != NULL)
		row->sans(plan, node, &sans);
	if (leaf_get(path, &p->authorities[row->signer], &want, &age, &leaf, err) < 0)
		return -1;
	put(ret, row->path, ".crt", leaf.certificate_pem, false);
	put(ret, row->path, ".key", leaf.key_pem, true);
	if (row->kubeconfig != NULL)
		put_kubeconfig(plan, node, row, cn, ret);
	return 0;
}

int pki_node_files(struct pki *p, const struct plan *plan, const struct node *node, struct fileset *ret, struct error **err)
{
	CLEANUP_FREE char *folder = xasprintf("%s/nodes/%s", p->folder, node->name);
	const struct table_leaf *row = NULL;
	size_t i = 0;

	if (path_mkdirs(folder, 0700, err) < 0)
		return -1;
	put_authorities(p, node, ret);
	while ((row = table_leaf(plan, node, &i)) != NULL)
		if (put_leaf(p, plan, node, row, ret, err) < 0)
			return error_wrap(err, "certificates of %s", node->name);
	return 0;
}

int pki_admin_kubeconfig(struct pki *p, const char *cluster, const char *server_url, struct buf *ret, struct error **err)
{
	CLEANUP_FREE char *path = xasprintf("%s/admin.pem", p->folder);
	/* not "kubernetes-admin": users of several clusters in one KUBECONFIG must not share a name */
	CLEANUP_FREE char *user = xasprintf("%s-admin", cluster);
	CLEANUP_LEAF struct leaf leaf = {0};
	struct certificate_want want = {
		.algorithm = p->algorithm, .cn = "kubernetes-admin", .o = "kubeadm:cluster-admins", .usage = CERTIFICATE_CLIENT};
	struct kubeconfig k = {.cluster = cluster, .user = user, .server = server_url, .embed = true};
	struct leaf_age age = age_of(p);
	int result;

	pthread_mutex_lock(&p->admin_lock);
	result = leaf_get(path, &p->authorities[PKI_CA], &want, &age, &leaf, err);
	pthread_mutex_unlock(&p->admin_lock);
	if (result < 0)
		return error_wrap(err, "kubeconfig of %s", cluster);
	k.ca = p->authorities[PKI_CA].certificate_pem;
	k.certificate = leaf.certificate_pem;
	k.key = leaf.key_pem;
	kubeconfig_write(&k, ret);
	return 0;
}

int pki_super_admin(struct pki *p, struct buf *ret_pem, struct error **err)
{
	CLEANUP_LEAF struct leaf leaf = {0};
	struct certificate_want want = {.cn = "kubernetes-super-admin", .o = "system:masters", .usage = CERTIFICATE_CLIENT};

	if (leaf_make(&p->authorities[PKI_CA], want, now_seconds(), SUPER_ADMIN_DAYS, &leaf, err) < 0)
		return -1;
	buf_add(ret_pem, leaf.certificate_pem);
	buf_add(ret_pem, leaf.key_pem);
	return 0;
}
