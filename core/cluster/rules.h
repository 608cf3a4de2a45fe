/* rules: who may talk to whom: the security groups of a plan and their rules, by one table. */
#pragma once
#include "core/cluster/plan.h"

void rules_make(struct plan *p); /* p has its spec */
