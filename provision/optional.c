#include "provision/optional.h"
#include "core/base/log.h"

int optional_list(struct cloud *c, enum cloud_service service, const char *path, const char *key, struct json_object **ret,
		  struct error **err)
{
	CLEANUP_ERROR struct error *why = NULL;

	if (cloud_list(c, service, path, key, NULL, ret, &why) == 0)
		return 0;
	if (!error_is(why, ERROR_NOT_FOUND))
		return error_move(err, steal_ptr(why));
	log_verbose("there are none: %s", error_message(why));
	*ret = json_object_new_array();
	return 0;
}
