// Everything that a translated program sees.
#pragma once
#include "language.hpp"
#include "terminal.hpp"
