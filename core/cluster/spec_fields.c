#include "core/cluster/spec_fields.h"
#include "core/base/alloc.h"

static const char *const api_versions[] = {"davit/v1", NULL};
static const char *const kinds[] = {"Cluster", NULL};
const char *const platform_names[] = {"kubernetes", "swarm", "mke", NULL};
static const char *const endpoints[] = {"floatingIP", "internal", "vip", "octavia", NULL};
const char *const host_key_modes[] = {"seeded", "console", "first-use", NULL};
static const char *const bastions[] = {"controlPlane", "server", "floatingIPs", "none", NULL}; /* and a map: {host: …} */
static const char *const file_systems[] = {"ext4", "xfs", NULL};
static const char *const recoveries[] = {"controlPlane", "none", NULL};
static const char *const pod_securities[] = {"privileged", "baseline", "restricted", NULL};
static const char *const key_algorithms[] = {"ECDSA-P256", "ECDSA-P384", "RSA-2048", "RSA-3072", "RSA-4096", NULL};
static const char *const server_groups[] = {"soft-anti-affinity", "anti-affinity", "soft-affinity", "affinity", "none", NULL};

#define END {.key = NULL}

static const struct field volume_fields[] = {
	{"size", FIELD_SIZE, offsetof(struct volume_spec, size_gib), "size in GiB, e.g. 20 or 20Gi", .required = true, .min = 1, .max = 65536},
	{"type", FIELD_STRING, offsetof(struct volume_spec, type), "volume type of the cloud; its default where missing"},
	{"zone", FIELD_STRING, offsetof(struct volume_spec, zone), "availability zone of cinder; the server's where missing and cinder has it"},
	END,
};

static const struct field data_volume_fields[] = {
	{"size", FIELD_SIZE, offsetof(struct data_volume_spec, volume.size_gib), "size in GiB, e.g. 20 or 20Gi", .required = true, .min = 1, .max = 65536},
	{"type", FIELD_STRING, offsetof(struct data_volume_spec, volume.type), "volume type of the cloud; its default where missing"},
	{"zone", FIELD_STRING, offsetof(struct data_volume_spec, volume.zone), "availability zone of cinder; the server's where missing and cinder has it"},
	{"mount", FIELD_PATH, offsetof(struct data_volume_spec, mount), "folder of the server at which it is mounted", .required = true},
	{"fileSystem", FIELD_ENUM, offsetof(struct data_volume_spec, file_system), "what an empty one is formatted with", "ext4", .allowed = file_systems},
	END,
};

/* What the servers of every pool have, the control plane's too. */
#define SERVER_FIELDS                                                                                                             \
	{"flavor", FIELD_STRING, offsetof(struct pool_spec, flavor), "flavor of the servers", .required = true},                   \
	{"image", FIELD_STRING, offsetof(struct pool_spec, image), "image of the servers; openstack.image where missing"},         \
	{"volume", FIELD_MAP, offsetof(struct pool_spec, volume), "root volume; without it the flavor's disk",                     \
	 .sub = volume_fields},                                                                                                    \
	{"volumes", FIELD_LIST, offsetof(struct pool_spec, volumes), "more volumes of each server, for data", "[]",                \
	 .sub = data_volume_fields, .count_offset = offsetof(struct pool_spec, n_volumes),                                         \
	 .entry_size = sizeof(struct data_volume_spec)},                                                                           \
	{"labels", FIELD_LABELS, offsetof(struct pool_spec, labels), "labels of the nodes"},                                       \
	{"annotations", FIELD_ANNOTATIONS, offsetof(struct pool_spec, annotations), "annotations of the nodes"},                   \
	{"taints", FIELD_TAINTS, offsetof(struct pool_spec, taints), "taints of the nodes: key=value:Effect"},                     \
	{"kubelet", FIELD_JSON, offsetof(struct pool_spec, kubelet), "merged over the KubeletConfiguration, after spec.kubelet"},  \
	{"securityGroups", FIELD_STRINGS, offsetof(struct pool_spec, security_groups),                                             \
	 "security groups that are there, by name or id, for the servers besides davit's own"},                                    \
	{"networks", FIELD_STRINGS, offsetof(struct pool_spec, networks),                                                           \
	 "networks that are there, by name or id, in which the servers get a port each, besides the cluster's own"},                \
	{"zones", FIELD_STRINGS, offsetof(struct pool_spec, zones), "availability zones, used in turn"},                           \
	{"serverGroup", FIELD_ENUM, offsetof(struct pool_spec, server_group), "on how many hosts the cloud puts the servers",      \
	 "soft-anti-affinity", .allowed = server_groups},                                                                          \
	{"serverGroupSize", FIELD_INT, offsetof(struct pool_spec, server_group_size),                                              \
	 "servers in one server group at most, the cloud's quota server_group_members; more make more groups", "10", .min = 1,     \
	 .max = 5000}

static const struct field control_plane_fields[] = {
	{"count", FIELD_INT, offsetof(struct pool_spec, count), "number of control planes", "1", .min = 0, .max = 1000},
	SERVER_FIELDS,
	END,
};

static const struct field pool_fields[] = {
	{"name", FIELD_NAME, offsetof(struct pool_spec, name), "name of the pool", .required = true, .max = 20},
	{"count", FIELD_INT, offsetof(struct pool_spec, count), "number of servers", .required = true, .min = 0, .max = 5000},
	SERVER_FIELDS,
	{"maxSurge", FIELD_INT, offsetof(struct pool_spec, max_surge),
	 "while its nodes are replaced by new ones: how many there may be more than count", "1", .min = 0, .max = 5000},
	{"maxUnavailable", FIELD_INT, offsetof(struct pool_spec, max_unavailable),
	 "while its nodes are replaced by new ones: how many there may be fewer than count", "0", .min = 0, .max = 5000},
	{"repairAfter", FIELD_TIME, offsetof(struct pool_spec, repair_after),
	 "how long a node may be not Ready before apply repairs it, e.g. 10m; never: it does not", "10m"},
	{"maxUnhealthy", FIELD_INT, offsetof(struct pool_spec, max_unhealthy), "how many are repaired at the same time", "1", .min = 1,
	 .max = 5000},
	END,
};

static const struct field platform_fields[] = {
	{"type", FIELD_ENUM, offsetof(struct spec, platform), "what the servers become", "kubernetes", .allowed = platform_names},
	{"version", FIELD_VERSION, offsetof(struct spec, version), "its version, e.g. 1.36.3, 29.9.3 of Docker Engine, 3.9.2 of MKE", .required = true},
	END,
};

static const struct field credential_fields[] = {
	{"roles", FIELD_STRINGS, offsetof(struct spec, openstack.application_credential.roles), "what it may do: roles of the user that makes it, e.g. [member]", .required = true},
	END,
};

static const struct field openstack_fields[] = {
	{"cloud", FIELD_STRING, offsetof(struct spec, openstack.cloud), "cloud of clouds.yaml; else OS_CLOUD or the environment"},
	{"image", FIELD_STRING, offsetof(struct spec, openstack.image), "image of all servers that name no other", .required = true},
	{"externalNetwork", FIELD_STRING, offsetof(struct spec, openstack.external_network), "where floating IPs come from; the only one if there is one"},
	{"applicationCredential", FIELD_MAP, 0, "one made for the cluster, as Secret kube-system/cloud-config; none where missing", .sub = credential_fields},
	{"configDrive", FIELD_BOOL, offsetof(struct spec, openstack.config_drive),
	 "servers get their user-data from a drive, for clouds without a metadata service", "false"},
	{"metadata", FIELD_METADATA, offsetof(struct spec, openstack.metadata), "metadata of the servers and volumes made from now on"},
	END,
};

static const struct field existing_fields[] = {
	{"network", FIELD_STRING, offsetof(struct spec, network.existing.network), "network that is there, by name or id"},
	{"subnet", FIELD_STRING, offsetof(struct spec, network.existing.subnet), "its subnet; the only one if there is one"},
	{"router", FIELD_STRING, offsetof(struct spec, network.existing.router), "router that is there; davit's own network gets an interface on it"},
	END,
};

static const struct field network_fields[] = {
	{"cidr", FIELD_CIDR, offsetof(struct spec, network.cidr), "the servers' network", "10.6.0.0/24"},
	{"podCIDR", FIELD_CIDR, offsetof(struct spec, network.pod_cidr), "the pods' network", "10.244.0.0/16"},
	{"serviceCIDR", FIELD_CIDR, offsetof(struct spec, network.service_cidr), "the services' network", "10.96.0.0/16"},
	{"domain", FIELD_STRING, offsetof(struct spec, network.domain), "DNS domain of the cluster", "cluster.local"},
	{"dns", FIELD_ADDRESSES, offsetof(struct spec, network.dns), "name servers of the servers", "[]"},
	{"existing", FIELD_MAP, 0, "what is used instead of being made; davit neither changes nor removes it", .sub = existing_fields},
	{"plugin", FIELD_STRING, offsetof(struct spec, network.plugin), "pod network: flannel, or none for one of your own", "flannel"},
	END,
};

static const struct field api_fields[] = {
	{"endpoint", FIELD_ENUM, offsetof(struct spec, api.endpoint), "how the API is reached: through the first control plane's floating IP; not from outside; at an address that control planes hold in turn; through a load balancer", "floatingIP", .allowed = endpoints},
	{"address", FIELD_STRING, offsetof(struct spec, api.address), "of vip and octavia: its address in the servers' network"},
	{"floatingIP", FIELD_BOOL, offsetof(struct spec, api.floating_ip), "of vip and octavia: whether that address gets a floating IP", "true"},
	{"provider", FIELD_STRING, offsetof(struct spec, api.provider), "of octavia: its provider, such as amphora or ovn; the cloud's default where missing"},
	{"allowedCIDRs", FIELD_CIDRS, offsetof(struct spec, api.allowed_cidrs), "who may reach the API", "[0.0.0.0/0]"},
	{"extraSANs", FIELD_STRINGS, offsetof(struct spec, api.extra_sans), "more names and addresses in its certificate", "[]"},
	END,
};

static const struct field snapshot_fields[] = {
	{"schedule", FIELD_STRING, offsetof(struct spec, etcd_snapshots.schedule), "when, by the nodes' clocks, as systemd.time(7) has it: daily, hourly, \"*-*-* 03:00\"", .required = true},
	{"keep", FIELD_INT, offsetof(struct spec, etcd_snapshots.keep), "how many of them stay on each control plane", "7", .min = 1, .max = 1000},
	END,
};

static const struct field etcd_fields[] = {
	{"snapshots", FIELD_MAP, 0, "made on the control plane that leads, kept there; none where missing", .sub = snapshot_fields},
	END,
};

static const struct field bastion_server_fields[] = {
	{"flavor", FIELD_STRING, offsetof(struct spec, access.server.flavor), "flavor of the bastion; the control plane's where missing"},
	{"volume", FIELD_MAP, offsetof(struct spec, access.server.volume), "root volume; without it the flavor's disk", .sub = volume_fields},
	END,
};

static const struct field jump_fields[] = {
	{"host", FIELD_STRING, offsetof(struct spec, access.jump.host), "name or address of the jump host", .required = true},
	{"port", FIELD_INT, offsetof(struct spec, access.jump.port), "port of its SSH server", "22", .min = 1, .max = 65535},
	{"user", FIELD_STRING, offsetof(struct spec, access.jump.user), "user there", .required = true},
	{"keyFile", FIELD_STRING, offsetof(struct spec, access.jump.key_file), "private key of that user", "~/.ssh/id_ed25519"},
	{"hostKey", FIELD_STRING, offsetof(struct spec, access.jump.host_key), "its host key: ssh-ed25519 AAAA…"},
	{"knownHosts", FIELD_STRING, offsetof(struct spec, access.jump.known_hosts), "file that has its host key, where hostKey is missing", "~/.ssh/known_hosts"},
	END,
};

static const struct field access_fields[] = {
	{"user", FIELD_STRING, offsetof(struct spec, access.user), "the image's user with sudo", "debian"},
	{"allowedCIDRs", FIELD_CIDRS, offsetof(struct spec, access.allowed_cidrs), "who may reach SSH", "[0.0.0.0/0]"},
	{"hostKeys", FIELD_STRING, offsetof(struct spec, access.host_keys_text), "how SSH host keys are known at first contact: seeded, console, first-use, or the path of a known_hosts file", "seeded"},
	{"bastion", FIELD_CHOICE, offsetof(struct spec, access.bastion), "the way to the servers: a word, or a jump host that is there already", "controlPlane", .allowed = bastions, .sub = jump_fields},
	{"bastionServer", FIELD_MAP, 0, "the server that \"bastion: server\" makes", "{}", .sub = bastion_server_fields},
	{"authorizedKeys", FIELD_STRINGS, offsetof(struct spec, access.authorized_keys), "more SSH keys that may log in to the servers: lines, or files that hold some", "[]"},
	{"recovery", FIELD_ENUM, offsetof(struct spec, access.recovery), "where the file lies from which a lost state is recovered", "controlPlane", .allowed = recoveries},
	END,
};

static const struct field registry_fields[] = {
	{"flavor", FIELD_STRING, offsetof(struct spec, registry.flavor), "flavor of its server; the control plane's where missing"},
	{"image", FIELD_STRING, offsetof(struct spec, registry.image), "image of its server; openstack.image where missing"},
	{"volume", FIELD_MAP, offsetof(struct spec, registry.volume), "volume that holds the images", "{size: 20}", .sub = volume_fields},
	END,
};

static const struct field artifact_fields[] = {
	{"bundle", FIELD_STRING, offsetof(struct spec, artifacts.bundle), "folder made by \"davit bundle create\""},
	{"mirror", FIELD_URL, offsetof(struct spec, artifacts.mirror), "URL in front of every upstream address"},
	{"images", FIELD_STRINGS, offsetof(struct spec, artifacts.images), "more images for the registry", "[]"},
	END,
};

static const struct field ca_fields[] = {
	{"certificate", FIELD_STRING, offsetof(struct spec, pki.ca.certificate), "file (PEM): certificate of the site's authority, then those of its issuers up to the root", .required = true},
	{"key", FIELD_STRING, offsetof(struct spec, pki.ca.key), "file (PEM) with its key; where missing davit makes one, and writes a request (.csr) to be signed"},
	{"passphraseFile", FIELD_STRING, offsetof(struct spec, pki.ca.passphrase_file), "file whose first line is the key's passphrase; else DAVIT_CA_PASSPHRASE, or it is asked for"},
	END,
};

static const struct field pki_fields[] = {
	{"ca", FIELD_MAP, 0, "an authority of the site's, beneath which the cluster's own are issued; roots where missing", .sub = ca_fields},
	{"encryptionAlgorithm", FIELD_ENUM, offsetof(struct spec, pki.algorithm), "of the private keys of certificates, as kubeadm calls them", "ECDSA-P256", .allowed = key_algorithms},
	{"renewedOnNodes", FIELD_STRINGS, offsetof(struct spec, pki.renewed_on_nodes), "authorities whose certificates nodes renew by themselves; only cluster, whose key is on control planes", "[]"},
	END,
};

static const struct field proxy_fields[] = {
	{"http", FIELD_STRING, offsetof(struct spec, proxy.http), "proxy for http://, e.g. http://proxy.example.org:3128"},
	{"https", FIELD_STRING, offsetof(struct spec, proxy.https), "proxy for https://"},
	{"no", FIELD_STRINGS, offsetof(struct spec, proxy.no), "hosts, domains (.example.org) and CIDRs that are reached without", "[]"},
	END,
};

static const struct field engine_api_fields[] = {
	{"allowedCIDRs", FIELD_CIDRS, offsetof(struct spec, swarm.api_cidrs), "who may connect: with a client's certificate that makes them root of all nodes", .required = true},
	{"extraSANs", FIELD_STRINGS, offsetof(struct spec, swarm.api_sans), "more names and addresses in the managers' certificates", "[]"},
	END,
};

static const struct field portainer_fields[] = {
	{"version", FIELD_VERSION, offsetof(struct spec, swarm.portainer.version), "its version, e.g. 2.33.3", .required = true},
	{"allowedCIDRs", FIELD_CIDRS, offsetof(struct spec, swarm.portainer.cidrs), "who may connect to its page (9443)", .required = true},
	{"extraSANs", FIELD_STRINGS, offsetof(struct spec, swarm.portainer.sans), "more names and addresses in its certificate", "[]"},
	{"passwordFile", FIELD_STRING, offsetof(struct spec, swarm.portainer.password_file), "file whose first line is the password of its administrator, admin", .required = true},
	END,
};

static const struct field swarm_fields[] = {
	{"api", FIELD_MAP, 0, "opens the port of the managers' engines (2376), for clients with a certificate; closed where missing", .sub = engine_api_fields},
	{"addressPools", FIELD_CIDRS, offsetof(struct spec, swarm.address_pools), "networks that overlay networks get their addresses from", "[10.244.0.0/16]"},
	{"maskLength", FIELD_INT, offsetof(struct spec, swarm.mask_length), "prefix length of each overlay network", "24", .min = 8, .max = 29},
	{"certExpiry", FIELD_TIME, offsetof(struct spec, swarm.cert_expiry), "how long the nodes' own certificates last, which they renew by themselves", "2160h"},
	{"autolock", FIELD_BOOL, offsetof(struct spec, swarm.autolock), "managers encrypt their data with a key that they do not keep: apply unlocks those whose engine was restarted", "false"},
	{"portainer", FIELD_MAP, 0, "Portainer CE, a page that manages the swarm, on the first manager", .sub = portainer_fields},
	END,
};

static const struct field own_file_fields[] = {
	{"file", FIELD_STRING, offsetof(struct own_file, path), "its path", .required = true},
	{"sha256", FIELD_STRING, offsetof(struct own_file, sha256), "its SHA-256, 64 hexadecimal digits", .required = true},
	END,
};

static const struct field engine_fields[] = {
	{"version", FIELD_VERSION, offsetof(struct spec, mke.engine.version), "version of Mirantis Container Runtime, e.g. 29.4.1", .required = true},
	{"packages", FIELD_LIST, offsetof(struct spec, mke.engine.packages), "its packages for Ubuntu: NAME_VERSION_ARCH.deb", .required = true, .sub = own_file_fields,
	 .count_offset = offsetof(struct spec, mke.engine.n_packages), .entry_size = sizeof(struct own_file)},
	END,
};

static const struct field msr_fields[] = {
	{"version", FIELD_VERSION, offsetof(struct spec, mke.msr.version), "its version, e.g. 2.9.29", .required = true},
	{"images", FIELD_MAP, offsetof(struct spec, mke.msr.images), "the vendor's archive of its images", .required = true, .sub = own_file_fields},
	{"pool", FIELD_STRING, offsetof(struct spec, mke.msr.pool), "pool of workers, of 1, 3, 5 or 7 nodes, each of which has a replica", .required = true},
	{"host", FIELD_STRING, offsetof(struct spec, mke.msr.host), "the name by which clients reach it, at port 443: it stands for the pool's nodes, or for a balancer before them", .required = true},
	{"extraSANs", FIELD_STRINGS, offsetof(struct spec, mke.msr.sans), "more names and addresses in its certificate", "[]"},
	{"allowedCIDRs", FIELD_CIDRS, offsetof(struct spec, mke.msr.cidrs), "who may connect to it (80 and 443), besides the nodes", .required = true},
	{"nfs", FIELD_STRING, offsetof(struct spec, mke.msr.nfs), "where images lie: nfs://HOST/PATH; several replicas need it"},
	{"volume", FIELD_STRING, offsetof(struct spec, mke.msr.volume), "in place of nfs: a volume of the node's engine, or a folder; a volume that it makes where both are missing"},
	END,
};

static const struct field mke_fields[] = {
	{"images", FIELD_MAP, offsetof(struct spec, mke.images), "the vendor's archive of MKE's images", .required = true, .sub = own_file_fields},
	{"engine", FIELD_MAP, 0, "Mirantis Container Runtime", .required = true, .sub = engine_fields},
	{"license", FIELD_STRING, offsetof(struct spec, mke.license), "file with the licence, which the installer is given; none where missing"},
	{"user", FIELD_STRING, offsetof(struct spec, mke.user), "the administrator that the installer makes", "admin"},
	{"passwordFile", FIELD_STRING, offsetof(struct spec, mke.password_file), "file whose first line is the administrator's password", .required = true},
	{"msr", FIELD_MAP, 0, "Mirantis Secure Registry on a pool of workers: by the documentation, untested", .sub = msr_fields},
	END,
};

static const struct field stack_fields[] = {
	{"name", FIELD_NAME, offsetof(struct stack_spec, name), "name of the stack", .required = true, .max = 40},
	{"file", FIELD_STRING, offsetof(struct stack_spec, file), "its Compose file, which refers to no other file", .required = true},
	END,
};

const struct field metadata_fields[] = {
	{"name", FIELD_NAME, offsetof(struct spec, name), "name of the cluster", .required = true, .max = 40},
	END,
};

const struct field spec_fields[] = {
	{"platform", FIELD_MAP, 0, "what is made", .required = true, .sub = platform_fields},
	{"openstack", FIELD_MAP, 0, "where it is made", .required = true, .sub = openstack_fields},
	{"network", FIELD_MAP, 0, "networks", "{}", .sub = network_fields},
	{"api", FIELD_MAP, 0, "the way to the API", "{}", .sub = api_fields},
	{"etcd", FIELD_MAP, 0, "snapshots of etcd by the cluster's own schedule", .sub = etcd_fields},
	{"access", FIELD_MAP, 0, "SSH", "{}", .sub = access_fields},
	{"controlPlane", FIELD_MAP, offsetof(struct spec, control_plane), "the control plane", .required = true, .sub = control_plane_fields},
	{"workerPools", FIELD_LIST, offsetof(struct spec, pools), "pools of workers", "[]", .sub = pool_fields,
	 .count_offset = offsetof(struct spec, n_pools), .entry_size = sizeof(struct pool_spec)},
	{"registry", FIELD_MAP, 0, "the private registry", "{}", .sub = registry_fields},
	{"artifacts", FIELD_MAP, 0, "programs and images", "{}", .sub = artifact_fields},
	{"proxy", FIELD_MAP, 0, "proxies of davit and of containerd, in place of those of the environment", "{}", .sub = proxy_fields},
	{"pki", FIELD_MAP, 0, "certificates and their authorities", "{}", .sub = pki_fields},
	{"podSecurity", FIELD_ENUM, offsetof(struct spec, pod_security),
	 "what pods may ask for in namespaces that do not say so themselves: a level of the Pod Security Standards", "baseline", .allowed = pod_securities},
	{"kubelet", FIELD_JSON, offsetof(struct spec, kubelet), "merged over the KubeletConfiguration"},
	{"kubeProxy", FIELD_JSON, offsetof(struct spec, kube_proxy), "merged over the KubeProxyConfiguration"},
	{"containerd", FIELD_JSON, offsetof(struct spec, containerd), "settings of containerd: restrictOOMScoreAdj"},
	{"swarm", FIELD_MAP, 0, "of a swarm, MKE's too", "{}", .sub = swarm_fields},
	{"stacks", FIELD_LIST, offsetof(struct spec, stacks), "of a swarm: services that are deployed", "[]", .sub = stack_fields,
	 .count_offset = offsetof(struct spec, n_stacks), .entry_size = sizeof(struct stack_spec)},
	{"mke", FIELD_MAP, 0, "of Mirantis Kubernetes Engine: written from the vendor's documentation, untested against the vendor's images", .sub = mke_fields},
	{"daemon", FIELD_JSON, offsetof(struct spec, daemon), "of a swarm: merged over daemon.json of its engines"},
	END,
};

const struct field file_fields[] = {
	{"apiVersion", FIELD_ENUM, offsetof(struct file, api_version), "davit/v1", .required = true, .allowed = api_versions},
	{"kind", FIELD_ENUM, offsetof(struct file, kind), "Cluster", .required = true, .allowed = kinds},
	{"metadata", FIELD_MAP, offsetof(struct file, spec), "its name", .required = true, .sub = metadata_fields},
	{"spec", FIELD_MAP, offsetof(struct file, spec), "the cluster", .required = true, .sub = spec_fields},
	END,
};

const char *file_system_name(enum file_system f)
{
	return file_systems[f];
}

const char *key_algorithm_name(enum key_algorithm a)
{
	return key_algorithms[a];
}

const char *pod_security_name(enum pod_security p)
{
	return pod_securities[p];
}

const char *server_group_policy(enum server_group_policy p)
{
	return server_groups[p];
}

struct json_object *spec_schema(void)
{
	struct json_object *o = schema_json(file_fields);

	json_add_str(o, "$schema", "https://json-schema.org/draft/2020-12/schema");
	json_add_str(o, "title", "davit cluster");
	return o;
}
