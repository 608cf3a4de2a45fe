/*
 * docker: the API of the engine on a node, by curl on its socket: https://docs.docker.com/reference/api/engine/version/v1.44/ (engines from 29
 * on refuse older versions).  Bodies go by standard input, so that no secret is in an argument.
 */
#pragma once
#include "core/base/json.h"
#include "core/net/ssh.h"

/*
 * A minute at most, however far the deadline (0: none) is.  body NULL: none.  *ret (NULL: dropped) is the answer, NULL where it is empty; the caller puts.  Errors by the HTTP status: ERROR_AUTH of 401,
 * ERROR_NOT_FOUND of 404, ERROR_CONFLICT of 409, ERROR_NODE of 503 (no manager, one without a majority, or a locked one), ERROR_TIMEOUT where
 * the engine does not answer in time, else ERROR_REMOTE.
 */
int docker_call(struct ssh *s, const char *method, const char *path, struct json_object *body, int64_t deadline, struct json_object **ret,
		struct error **err) MUST_USE;
