// Stands in for the terminal's stderror.mqh: the numbers are known here without it.
