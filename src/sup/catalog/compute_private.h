/* compute_private.h - between compute.c and compute_owners.c. */
#pragma once

#include "sup/catalog/compute.h"

/* 0 for the strictest classification, and back. */
guint compute_rank(int classification);
int compute_class_of_rank(guint rank);
/* Owners are told apart by class of priority: 0 for 500, 1 for 100, 2 for 1. */
#define COMPUTE_CLASSES 3
guint compute_class(int priority);
/* Whether file a owns rather than b where both are for the same machines. */
bool compute_is_better(const Compute *c, guint a, guint b);
/* Sets owned of the files, and the superseders of the updates; names is how many names of packages
 * there are. */
void compute_owners(Compute *compute, guint names);
