#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "pki/certificate.h"
#include "pki/kubeconfig.h"
#include "pki/leaf.h"
#include "pki/pki_internal.h"
#include <ctype.h>

#define MASTERS "system:masters"

/* What is in a subject, a kubeconfig, a log and a rule of RBAC has to be the same everywhere, for machines and for eyes. */
static int check_word(const char *what, const char *s, struct error **err)
{
	size_t n = strlen(s);

	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && strchr("._@:/+-", s[i]) == NULL)
			n = 0;
	if (n == 0 || n > PKI_USER_NAME_MAX)
		return error_set(err, ERROR_USAGE, "\"%s\" cannot be %s: 1 to %d letters, digits and any of . _ @ : / + -", s, what, PKI_USER_NAME_MAX);
	return 0;
}

static bool is_reserved(const char *s)
{
	return strncmp(s, "system:", strlen("system:")) == 0;
}

static int check_group(const struct pki_user *user, const char *group, struct error **err)
{
	if (check_word("the name of a group", group, err) < 0)
		return -1;
	if (strcmp(group, MASTERS) == 0 && !user->masters)
		return error_set(err, ERROR_USAGE,
				 "group " MASTERS " may do everything, whatever the roles say, and nothing can take that back before the certificate ends: use a "
				 "group that a ClusterRoleBinding names, such as kubeadm:cluster-admins; or insist on it by --allow-masters");
	if (is_reserved(group) && strcmp(group, MASTERS) != 0)
		return error_set(err, ERROR_USAGE, "group \"%s\" is one of Kubernetes' own (system:…), and no person's", group);
	return 0;
}

int pki_user_check(const struct pki_user *user, struct error **err)
{
	if (check_word("the name of a user", user->name, err) < 0)
		return -1;
	if (is_reserved(user->name))
		return error_set(err, ERROR_USAGE, "user \"%s\" is one of Kubernetes' own (system:…), and no person", user->name);
	for (size_t i = 0; i < user->groups->n; i++)
		if (check_group(user, user->groups->v[i], err) < 0)
			return -1;
	if (user->seconds < PKI_USER_SECONDS_MIN || user->seconds > PKI_USER_SECONDS)
		return error_set(err, ERROR_USAGE, "a certificate for a person is valid for 1m to %dh, since it cannot be taken back: that is no time between them",
				 PKI_USER_SECONDS / 3600);
	return 0;
}

static int check_end(const struct authority *ca, int64_t until, struct error **err)
{
	int64_t end = certificate_not_after(ca->certificate);
	CLEANUP_FREE char *text = clock_rfc3339(end * 1000);

	return until <= end ? 0
			    : error_set(err, ERROR_USAGE, "the cluster's authority itself ends on %.19sZ, before that certificate would: --ttl is too long", text);
}

static int make_pair(const struct pki *p, const struct authority *ca, const struct pki_user *user, int64_t now, struct leaf *ret, struct error **err)
{
	struct certificate_want want = {.algorithm = p->options.algorithm, .cn = user->name, .groups = user->groups, .usage = CERTIFICATE_CLIENT};

	if (pki_user_check(user, err) < 0 || check_end(ca, now + user->seconds, err) < 0)
		return -1;
	return leaf_make_until(ca, want, now, now + user->seconds, ret, err);
}

int pki_user_kubeconfig(struct pki *p, const char *cluster, const char *server_url, const struct pki_user *user, int64_t now, struct buf *ret,
			struct error **err)
{
	CLEANUP_FREE char *name = xasprintf("%s-%s", cluster, user->name);
	CLEANUP_LEAF struct leaf leaf = {0};
	struct kubeconfig k = {.cluster = cluster, .user = name, .server = server_url, .embed = true};

	if (make_pair(p, &p->signer.authorities[PKI_CA], user, now, &leaf, err) < 0)
		return -1;
	k.ca = p->published;
	k.certificate = leaf.certificate_pem;
	k.key = leaf.key_pem;
	kubeconfig_write(&k, ret);
	return 0;
}

int pki_user_engine(struct pki *p, const struct pki_user *user, int64_t now, struct buf *ret_certificate, struct buf *ret_key, struct error **err)
{
	CLEANUP_LEAF struct leaf leaf = {0};

	if (make_pair(p, &p->signer.authorities[PKI_ENGINE_CA], user, now, &leaf, err) < 0)
		return -1;
	buf_add(ret_certificate, leaf.certificate_pem);
	buf_add(ret_key, leaf.key_pem);
	return 0;
}
