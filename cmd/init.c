#include "cmd/verbs.h"
#include "core/base/alloc.h"
#include "core/base/log.h"
#include "core/base/path.h"

/* The first entry with one of the words in its name, else the first. */
static const char *pick(struct json_object *list, const char *const *words, size_t n)
{
	for (size_t w = 0; w < n; w++)
		for (size_t i = 0; i < json_len(list); i++) {
			const char *name = json_get_str(json_object_array_get_idx(list, i), "name", "");

			if (strcasestr(name, words[w]) != NULL)
				return name;
		}
	return json_len(list) > 0 ? json_get_str(json_object_array_get_idx(list, 0), "name", NULL) : NULL;
}

/* The smallest flavor that a Kubernetes node runs well on: 2 cores, 2 GiB. */
static const char *pick_flavor(struct json_object *list)
{
	const char *best = NULL;
	int64_t least = INT64_MAX;

	for (size_t i = 0; i < json_len(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		int64_t ram = json_get_int(o, "ram", 0), cores = json_get_int(o, "vcpus", 0);

		if (cores >= 2 && ram >= 2048 && ram + cores < least) {
			least = ram + cores;
			best = json_get_str(o, "name", NULL);
		}
	}
	return best != NULL ? best : pick(list, NULL, 0);
}

static void names(struct buf *b, struct json_object *list)
{
	for (size_t i = 0; i < json_len(list) && i < 12; i++)
		buf_addf(b, "%s%s", i > 0 ? ", " : "", json_get_str(json_object_array_get_idx(list, i), "name", "?"));
	if (json_len(list) > 12)
		buf_add(b, ", …");
}

static void write_file(struct buf *b, const struct options *o, struct json_object *offer, const char *image, const char *flavor,
		       const char *network)
{
	buf_addf(b, "# A Kubernetes cluster for \"davit apply\".  Every key: \"davit schema\".\n"
		    "apiVersion: davit/v1\nkind: Cluster\nmetadata: {name: %s}\nspec:\n"
		    "  platform: {type: kubernetes, version: 1.36.3}\n  openstack:\n",
		 o->name != NULL ? o->name : "demo");
	if (o->cloud != NULL)
		buf_addf(b, "    cloud: %s\n", o->cloud);
	buf_addf(b, "    image: %s  # there are: ", image);
	names(b, json_at(offer, "images"));
	buf_addf(b, "\n    externalNetwork: %s  # there are: ", network);
	names(b, json_at(offer, "external_networks"));
	buf_addf(b, "\n  api: {allowedCIDRs: [0.0.0.0/0]}     # who may reach the API\n"
		    "  access: {user: debian, allowedCIDRs: [0.0.0.0/0]}  # who may reach SSH\n"
		    "  controlPlane: {count: 1, flavor: %s}  # there are: ",
		 flavor);
	names(b, json_at(offer, "flavors"));
	buf_addf(b, "\n  workerPools:\n  - {name: workers, count: 2, flavor: %s}\n"
		    "  registry: {flavor: %s, volume: {size: 20}}\n",
		 flavor, flavor);
}

int verb_init(const struct options *o, struct error **err)
{
	static const char *const systems[] = {"debian-12", "debian 12", "bookworm", "debian", "ubuntu"};
	const char *image = o->image, *flavor = o->flavor, *network;
	CLEANUP_CLOUD struct cloud *cloud = NULL;
	CLEANUP_JSON struct json_object *offer = NULL;
	CLEANUP_BUF struct buf text = BUF_INIT;
	struct options to = *o;

	to.output_file = o->output_file != NULL ? o->output_file : "cluster.yaml";
	if (path_exists(to.output_file))
		return error_set(err, ERROR_USAGE, "%s is there already; remove it, or give another name with --to", to.output_file);
	if (cloud_open(o->cloud, &cloud, err) < 0 || provision_offer(cloud, &offer, err) < 0)
		return -1;
	image = image != NULL ? image : pick(json_at(offer, "images"), systems, ARRAY_SIZE(systems));
	flavor = flavor != NULL ? flavor : pick_flavor(json_at(offer, "flavors"));
	network = pick(json_at(offer, "external_networks"), NULL, 0);
	if (image == NULL || flavor == NULL || network == NULL)
		return error_set(err, ERROR_NOT_FOUND, "the cloud has no %s that this project may use",
				 image == NULL ? "image" : flavor == NULL ? "flavor" : "external network");
	write_file(&text, o, offer, image, flavor, network);
	if (verb_write(&to, buf_str(&text), text.len, 0644, err) < 0)
		return -1;
	log_info("wrote %s; look it over, then \"davit apply\"", to.output_file);
	return 0;
}
