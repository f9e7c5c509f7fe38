//+------------------------------------------------------------------+
//| EAGatewayNoDll.mq4: the EA of the gateway for MetaTrader 4,      |
//| without a DLL: it calls the gateway by WebRequest.               |
//| Tools, Options, Expert Advisors, Allow WebRequest for listed URL:|
//| add the gateway's address.                                       |
//+------------------------------------------------------------------+
#property copyright "EA Gateway"
#property version   "1.00"
#property strict
#property description "Copies trades by way of an EA Gateway. No DLL is needed."
#include "Program.mqh"
