//+------------------------------------------------------------------+
//| Program.mqh: inputs and events, the same in both programs. The   |
//| one with DLLs defines WITH_DLLS before.                          |
//+------------------------------------------------------------------+
#property strict
#ifndef EAG_PROGRAM
#define EAG_PROGRAM
#include "Broker4.mqh"
#include "../core/Agent.mqh"

input string GatewayUrl="https://gateway.example";      // Address of the gateway
input ERole  Role=AsGatewaySays;                        // What this account may be
input string AccountKey="";                             // Key of the account; empty: made at the first start
input double MaxLotsPerOrder=0;                         // Largest order; 0: no limit of one's own
input int    MaxOpenCopies=0;                           // Most open copies; 0: no limit of one's own
input double MinEquity=0;                               // Nothing is opened below this equity; 0: no limit
input int    MaxSlippagePoints=30;                      // Largest slippage in points
input int    MaxSpreadPoints=0;                         // Nothing is opened above this spread; 0: no limit
input bool   PauseOpening=false;                        // Open nothing; closes go on
input string SymbolsToTell="";                          // Symbols with commas between; empty: all
input bool   ShowPanel=true;                            // Nine lines on the chart
input int    PanelCorner=0;                             // 0 left above, 1 right above, 2 left below, 3 right below
input bool   Alerts=true;                               // Alert on problems
input int    TimerMilliseconds=100;                     // 50 to 1000
#ifdef WITH_DLLS
input ETransport Transport=Automatic;                   // Socket as long as it works, or nothing but one of both
#endif

CBroker4     g_broker;
CAgent       g_agent;
#ifdef WITH_DLLS
CWindowsDlls g_windows;
#endif

int OnInit()
  {
   SInputs inputs={};
   inputs.url=GatewayUrl;
   inputs.role=Role;
   inputs.account_key=AccountKey;
   inputs.only_symbols=SymbolsToTell;
   inputs.show_panel=ShowPanel;
   inputs.corner=PanelCorner;
   inputs.alerts=Alerts;
   inputs.guards.max_lots=MaxLotsPerOrder;
   inputs.guards.max_open_copies=MaxOpenCopies;
   inputs.guards.min_equity=MinEquity;
   inputs.guards.max_slippage_points=MaxSlippagePoints;
   inputs.guards.max_spread_points=MaxSpreadPoints;
   inputs.guards.pause_opening=PauseOpening;
#ifdef WITH_DLLS
   g_agent.Windows(GetPointer(g_windows),Transport);
#endif
   string wrong=g_agent.Begin(GetPointer(g_broker),inputs);
   if(TimerMilliseconds<50 || TimerMilliseconds>1000)
      wrong="TimerMilliseconds must lie between 50 and 1000";
   if(wrong!="")
     {
      Alert("EA Gateway: ",wrong);
      return(INIT_PARAMETERS_INCORRECT);
     }
   if(!EventSetMillisecondTimer(TimerMilliseconds))
     {
      Alert("EA Gateway: the timer does not start. Restart the terminal.");
      return(INIT_FAILED);
     }
   return(INIT_SUCCEEDED);
  }
void OnDeinit(const int reason)
  {
   EventKillTimer();
   g_agent.End(reason==REASON_REMOVE || reason==REASON_CHARTCLOSE || reason==REASON_ACCOUNT || reason==REASON_CLOSE);
  }
void OnTimer()
  {
   g_agent.Pass();
  }
void OnTick()
  {
   g_agent.Tick();
  }
#endif
