// Everything garam offers.
#pragma once

#include "garam/convert.h"
#include "garam/error.h"
#include "garam/generate.h"
#include "garam/importance.h"
#include "garam/kernel_set.h"
#include "garam/merge.h"
#include "garam/model.h"
#include "garam/perplexity.h"
#include "garam/quantize.h"
#include "garam/sampler.h"
#include "garam/session.h"
#include "garam/tokenizer.h"
#include "garam/version.h"
