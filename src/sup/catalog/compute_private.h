/* compute_private.h - between compute.c and compute_owners.c. */
#pragma once

#include "sup/catalog/compute.h"

/* 0 for the strictest classification, and back. */
guint compute_rank(int classification);
int compute_class_of_rank(guint rank);
/* Sets owned of the files, and the superseders of the updates; names is how many names of packages
 * there are. */
void compute_owners(Compute *compute, guint names);
