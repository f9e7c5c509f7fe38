// Everything that a translated program sees.
#pragma once
#include "language.hpp"
#include "terminal.hpp"
#include "bars.hpp"
#include "charts.hpp"
#ifdef __MQL5__
#include "mql5.hpp"
#endif
