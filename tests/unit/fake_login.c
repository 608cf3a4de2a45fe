/* What the login to the cloud in memory tells. */
#include "tests/unit/fake_private.h"

bool cloud_has(struct cloud *c UNUSED, enum cloud_service service UNUSED)
{
	return true;
}

const char *cloud_project_id(struct cloud *c UNUSED)
{
	return "project";
}

const struct strv *cloud_roles(struct cloud *c UNUSED)
{
	static char member[] = "member";
	static char *roles[] = {member};
	static const struct strv all = {.v = roles, .n = 1};

	return &all;
}

bool cloud_is_restricted(struct cloud *c UNUSED)
{
	return fake.login != NULL;
}

bool cloud_clock_skew(struct cloud *c UNUSED, int64_t *ret_ms)
{
	*ret_ms = 0;
	return true;
}

const char *cloud_external_network(struct cloud *c UNUSED)
{
	return NULL;
}

const char *cloud_user_id(struct cloud *c UNUSED)
{
	return "u";
}

const char *cloud_auth_url(struct cloud *c UNUSED)
{
	return "https://keystone:5000/v3";
}

const char *cloud_region(struct cloud *c UNUSED)
{
	return "R1";
}

const char *cloud_application_credential(struct cloud *c UNUSED)
{
	return fake.login;
}
