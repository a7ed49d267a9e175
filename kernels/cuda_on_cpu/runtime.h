/* The runtime: compiled once, linked to every kernel file. A plain build calls none of the
 * checker's hooks, and has no ranges.
 */
#include "state.h"
#include "fibers.h"
#include "scheduler.h"
#include "checker.h"
#include "launch.h"
