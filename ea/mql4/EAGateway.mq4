//+------------------------------------------------------------------+
//| EAGateway.mq4: the EA of the gateway for MetaTrader 4, with DLLs |
//| of Windows: a WebSocket, keys that Windows wraps, and no list of |
//| addresses. Common, Allow DLL imports: without it the program goes|
//| on by WebRequest, as EAGatewayNoDll does.                        |
//+------------------------------------------------------------------+
#property copyright "EA Gateway"
#property version   "1.00"
#property strict
#property description "Copies trades by way of an EA Gateway. Calls winhttp, crypt32, advapi32, kernel32 and ntdll of Windows."
#define WITH_DLLS
#include "../core/WindowsDlls.mqh"
#include "Program.mqh"
