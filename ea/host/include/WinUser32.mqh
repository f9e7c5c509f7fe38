// Stands in for the terminal's WinUser32.mqh: there are no windows here.
