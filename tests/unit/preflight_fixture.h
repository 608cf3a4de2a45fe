/* preflight_fixture: canned answers of a cloud that has room for all of a small cluster, and what the checks before the first write find in them. */
#pragma once
#include "core/base/alloc.h"
#include "provision/needs.h"
#include "tests/unit/fake_cloud.h"
#include "tests/unit/test.h"

#define UUID "1a2b3c4d-0000-4000-8000-000000000000"
#define MARKED "\"description\":\"davit:" UUID "\""

struct fixture {
	struct spec *spec;
	struct plan *plan;
	struct view *view;
};

#define ABSOLUTE(instances, cores, ram, groups, members, pairs)                                                                  \
	"{\"limits\":{\"absolute\":{\"maxTotalInstances\":" instances ",\"totalInstancesUsed\":2,\"maxTotalCores\":" cores        \
	",\"totalCoresUsed\":4,\"maxTotalRAMSize\":" ram ",\"totalRAMUsed\":1000,\"maxServerGroups\":" groups                     \
	",\"totalServerGroupsUsed\":0,\"maxServerGroupMembers\":" members ",\"maxTotalKeypairs\":" pairs "}}}"
#define OF(limit, used) "{\"limit\":" limit ",\"used\":" used ",\"reserved\":0}"
#define SET(limit, used) "{\"limit\":" limit ",\"in_use\":" used ",\"reserved\":0}"
#define ZONE(name, available) "{\"zoneName\":\"" name "\",\"zoneState\":{\"available\":" available "}}"

int preflight_setup(void **state);
int preflight_teardown(void **state);
#define WITH(test) cmocka_unit_test_setup_teardown(test, preflight_setup, preflight_teardown)

/* Another answer in the place of one of them. */
void fact(struct fixture *f, enum fact fact, const char *text);
struct json_object *json_of(const char *text);
void replace(struct json_object **o, const char *text);
/* The cloud has these of the cluster's. */
void add(struct fixture *f, enum kind kind, const char *text);
/* "error quota: what" a line. */
char *found(struct fixture *f);
void says(struct fixture *f, const char *text);
/* What of a check is right, a line each. */
char *passed(struct fixture *f, const char *check);
