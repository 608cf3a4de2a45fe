/*
 * clouds: the credentials and addresses of one cloud, from clouds.yaml by openstacksdk's rules or from the OS_* variables.
 *
 * Files: $OS_CLIENT_CONFIG_FILE, then clouds.yaml, .yml, .json in ., $XDG_CONFIG_HOME/openstack (~/.config/openstack),
 * /etc/openstack; the first that is there is it.  secure.* ($OS_CLIENT_SECURE_FILE) is searched the same way and laid over it,
 * clouds-public.* ($OS_CLIENT_VENDOR_FILE; top key public-clouds) lies below it where "profile" names an entry.  The values
 * of the chosen region lie on top.  The OS_* variables make a cloud of their own and never change a named one.
 */
#pragma once
#include "core/base/strv.h"
#include "core/base/yaml.h"
#include "provision/cloud_config.h"

/* The files as they are, each NULL where there is none. */
struct cloud_files {
	struct yaml *clouds, *secure, *vendor;
	struct strv searched; /* where clouds.* was looked for */
};
int cloud_files_load(struct cloud_files *ret, struct error **err) MUST_USE;
void cloud_files_free(struct cloud_files *f); /* wipes the values */

/* name NULL: $OS_CLOUD, else the OS_* variables where OS_AUTH_URL is set, else the only cloud of the file. */
int cloud_config_load(const char *name, struct cloud_config **ret, struct error **err) MUST_USE;
/* The certificates of the cloud's own authority ("cacert"), PEM, for programs on a node that talk to the cloud; *ret NULL where
 * there is none, or the cloud's peers are not verified at all.  The caller frees. */
int cloud_authority(const char *name, char **ret, struct error **err) MUST_USE;
/* Without I/O: environment is "NAME=value" entries ended by NULL. */
int cloud_config_choose(const struct cloud_files *files, char *const *environment, const char *name, struct cloud_config **ret,
			struct error **err) MUST_USE;
