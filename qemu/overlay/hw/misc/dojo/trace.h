#include "trace/trace-hw_misc_dojo.h"
