#include "bootstrap/steps.h"
#include "bootstrap/paths.h"
#include "bootstrap/texts.h"
#include "core/base/alloc.h"
#include "core/cluster/etcd.h"
#include "core/cluster/msr.h"
#include "core/cluster/platform.h"
#include "pki/pki.h"

enum {
	KUBERNETES = PLACE_KUBERNETES,
	CONTROL_PLANE = PLACE_CONTROL_PLANE,
	REGISTRY = PLACE_REGISTRY,
	ENGINES = PLACE_ENGINES,
	MANAGER = PLACE_MANAGER,
	MKE = PLACE_MKE,
	MKE_MANAGER = PLACE_MKE_MANAGER,
	MEMBERS = KUBERNETES | ENGINES,
	ALL = MEMBERS | REGISTRY,
};

static bool has_below(const struct fileset *files, const char *folder)
{
	for (size_t i = 0; i < files->n; i++)
		if (strncmp(files->files[i].path, folder, strlen(folder)) == 0)
			return true;
	return false;
}

static bool has_modules(const struct bootstrap_run *run)
{
	return has_below(run->files, "/etc/modules-load.d/");
}

static bool has_sysctl(const struct bootstrap_run *run)
{
	return fileset_find(run->files, SYSCTL_FILE) != NULL;
}

static bool has_resolver(const struct bootstrap_run *run)
{
	return fileset_find(run->files, RESOLVED_FILE) != NULL;
}

static bool has_sshd(const struct bootstrap_run *run)
{
	return fileset_find(run->files, SSHD_FILE) != NULL;
}

static bool has_users(const struct bootstrap_run *run)
{
	return has_below(run->files, "/etc/sysusers.d/");
}

static bool has_volume(const struct bootstrap_run *run)
{
	return fileset_find(run->files, VOLUMES_FILE) != NULL;
}

static bool has_file_system(const struct bootstrap_run *run, const char *type)
{
	const struct file *table = fileset_find(run->files, VOLUMES_FILE);

	return table != NULL && strstr(buf_str(&table->content), type) != NULL;
}

static bool has_ext4(const struct bootstrap_run *run)
{
	return has_file_system(run, " ext4 ");
}

static bool has_xfs(const struct bootstrap_run *run)
{
	return has_file_system(run, " xfs ");
}

static bool has_units(const struct bootstrap_run *run)
{
	return run->units != NULL && run->units->n > 0;
}

static bool has_plane(const struct bootstrap_run *run)
{
	return fileset_find(run->files, UNIT_FOLDER "kube-apiserver.service") != NULL;
}

static bool has_member(const struct bootstrap_run *run)
{
	return fileset_find(run->files, ETCD_START_FILE) != NULL;
}

static bool has_kubelet(const struct bootstrap_run *run)
{
	return fileset_find(run->files, UNIT_FOLDER "kubelet.service") != NULL;
}

/* By what the engine makes its rules. */
static bool has_nftables(const struct bootstrap_run *run)
{
	const struct file *daemon = fileset_find(run->files, DOCKER_CONFIG);

	return daemon != NULL && strstr(buf_str(&daemon->content), "\"firewall-backend\": \"nftables\"") != NULL;
}

static bool has_iptables(const struct bootstrap_run *run)
{
	return !has_nftables(run);
}

static bool has_renewal(const struct bootstrap_run *run)
{
	return fileset_find(run->files, PKI_RENEWED_FILE) != NULL;
}

static bool has_portainer(const struct bootstrap_run *run)
{
	return fileset_find(run->files, PORTAINER_FOLDER "/tls.crt") != NULL;
}

/* Docker mounts it by the system's own program. */
static bool has_nfs(const struct bootstrap_run *run)
{
	return fileset_find(run->files, MSR_CERTIFICATE ".nfs") != NULL;
}

static bool has_registry(const struct bootstrap_run *run)
{
	return fileset_find(run->files, REGISTRY_CA) != NULL;
}

/* In the order in which they run.  wanted NULL: always. */
static const struct step {
	const char *name;
	unsigned places;
	bool (*wanted)(const struct bootstrap_run *run);
	const char *text;
} steps[] = {
	{"preflight", ALL, NULL, text_preflight},
	{"system", MKE, NULL, text_system},
	{"swap", KUBERNETES, NULL, text_swap},
	{"modules", ALL, has_modules, text_modules},
	{"sysctl", ALL, has_sysctl, text_sysctl},
	{"users", ALL, has_users, text_users},
	{"volume", ALL, has_volume, text_volume},
	{"enable", ALL, has_units, text_enable},
	{"member", CONTROL_PLANE, has_member, text_member},
	{"plane", CONTROL_PLANE, has_plane, text_plane},
	{"artifacts", ALL, NULL, text_artifacts},
	{"packages", MKE, NULL, text_packages},
	{"links", MEMBERS, NULL, text_links},
	{"retire", ALL, NULL, text_retire},
	{"units", ALL, has_units, text_units},
	{"images", MKE, NULL, text_images},
	{"controller", MKE_MANAGER, NULL, text_controller},
	{"portainer", MANAGER, has_portainer, text_portainer},
	{"resolver", ALL, has_resolver, text_resolver},
	{"sshd", ALL, has_sshd, text_sshd},
	{"promote", CONTROL_PLANE, has_member, text_promote},
	{"api", KUBERNETES, has_kubelet, text_api},
	{"join", KUBERNETES, has_kubelet, text_join},
	{"serve", REGISTRY, has_registry, text_serve},
};

static const struct {
	unsigned places;
	bool (*wanted)(const struct bootstrap_run *run);
	const char *name;
} tools[] = {
	{ALL, NULL, "curl"},
	{ALL, NULL, "gzip"},
	{ALL, NULL, "tar"},
	{MEMBERS, NULL, "mount"},
	{KUBERNETES, NULL, "nft"},
	{ENGINES, has_nftables, "nft"},
	{ENGINES, has_iptables, "iptables"},
	{MKE, NULL, "dpkg"},
	{MKE, has_nfs, "mount.nfs"},
	{ALL, has_volume, "blkid"},
	{ALL, has_ext4, "mkfs.ext4"},
	{ALL, has_xfs, "mkfs.xfs"},
	{ALL, has_volume, "mountpoint"},
	{KUBERNETES, has_renewal, "openssl"},
};

static bool applies(unsigned places, bool (*wanted)(const struct bootstrap_run *run), const struct bootstrap_run *run)
{
	return (places & platform_place(run->platform, run->role)) && (wanted == NULL || wanted(run));
}

void steps_list(const struct bootstrap_run *run, struct strv *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
		if (applies(steps[i].places, steps[i].wanted, run))
			strv_add(ret, steps[i].name);
}

/* One that the body does not use is left out. */
static void variable(struct buf *b, const struct buf *body, const char *name, const char *value)
{
	CLEANUP_FREE char *use = xasprintf("$%s", name);

	if (strstr(buf_str(body), use) == NULL)
		return;
	buf_addf(b, "%s=", name);
	buf_add_shell(b, value != NULL ? value : "");
	buf_add_char(b, '\n');
}

static void list_variable(struct buf *b, const struct buf *body, const char *name, const struct strv *words)
{
	CLEANUP_FREE char *joined = strv_join(words, " ");

	variable(b, body, name, joined);
}

/* The words of all files below the folder (modules-load.d): one a line, comments left out. */
static void words_below(const struct fileset *files, const char *folder, struct strv *ret)
{
	for (size_t i = 0; i < files->n; i++) {
		CLEANUP_STRV struct strv lines = STRV_INIT;

		if (strncmp(files->files[i].path, folder, strlen(folder)) != 0)
			continue;
		strv_split(&lines, buf_str(&files->files[i].content), "\n");
		for (size_t k = 0; k < lines.n; k++)
			if (lines.v[k][0] != '#' && lines.v[k][0] != ';')
				strv_add(ret, lines.v[k]);
	}
}

static void paths_below(const struct fileset *files, const char *folder, struct strv *ret)
{
	for (size_t i = 0; i < files->n; i++)
		if (strncmp(files->files[i].path, folder, strlen(folder)) == 0)
			strv_add(ret, files->files[i].path);
}

static void variables(const struct bootstrap_run *run, const struct buf *body, struct buf *ret)
{
	CLEANUP_STRV struct strv list = STRV_INIT, needed = STRV_INIT, modules = STRV_INIT, sysusers = STRV_INIT;
	CLEANUP_FREE char *host = xasprintf("%s:%d", REGISTRY_NAME, REGISTRY_PORT);
	CLEANUP_FREE char *blobs = xasprintf("https://%s/v2/%s/blobs", host, REGISTRY_BLOBS);

	for (size_t i = 0; i < ARRAY_SIZE(tools); i++)
		if (applies(tools[i].places, tools[i].wanted, run))
			strv_add(&needed, tools[i].name);
	words_below(run->files, "/etc/modules-load.d/", &modules);
	paths_below(run->files, "/etc/sysusers.d/", &sysusers);
	steps_list(run, &list);
	buf_add(ret, "\n");
	variable(ret, body, "role", node_role_name(run->role));
	list_variable(ret, body, "steps", &list);
	list_variable(ret, body, "tools", &needed);
	list_variable(ret, body, "modules", &modules);
	variable(ret, body, "sysctl_file", SYSCTL_FILE);
	variable(ret, body, "resolved_file", RESOLVED_FILE);
	variable(ret, body, "sshd_file", SSHD_FILE);
	list_variable(ret, body, "sysusers", &sysusers);
	variable(ret, body, "volumes", VOLUMES_FILE);
	variable(ret, body, "registry_host", host);
	variable(ret, body, "blobs", blobs);
}

void steps_render(const struct bootstrap_run *run, struct buf *ret)
{
	CLEANUP_BUF struct buf body = BUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		if (!applies(steps[i].places, steps[i].wanted, run))
			continue;
		buf_addf(&body, "\n# ---- %s\n%s", steps[i].name, steps[i].text);
	}
	buf_addf(&body, "\n# ---- the run\n%s", text_finish);
	buf_add(ret, text_prelude);
	variables(run, &body, ret);
	buf_add(ret, buf_str(&body));
}
