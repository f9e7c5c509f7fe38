//+------------------------------------------------------------------+
//| Looking.mqh: what the broker's lists say about a command: whether|
//| its work is done. By magic number for what opens, by the state   |
//| that it should lead to for the rest. Shared by MQL4 and MQL5.    |
//+------------------------------------------------------------------+
#property strict
#ifndef EAG_LOOKING
#define EAG_LOOKING
#include "Facts.mqh"
#include "Ledger.mqh"

enum ELook { LOOK_NOTHING, LOOK_DONE, LOOK_BLIND };

//--- One outcome. `remaining` below 0, `found` -1, `error` 0: not told.
struct SReport
  {
   string            status;
   long              ticket;
   long              new_ticket;
   double            lots;
   double            remaining;
   double            price;
   bool              has_stops;
   double            sl;
   double            tp;
   bool              has_money;
   SMoney            money;
   datetime          time;
   int               error;
   bool              already;
   int               found;
   string            comment;
   long              took;
   bool              nowhere;
  };
void ClearReport(SReport &report,const string status)
  {
   report.status=status;
   report.ticket=0;
   report.new_ticket=0;
   report.lots=0;
   report.remaining=-1;
   report.price=0;
   report.has_stops=false;
   report.has_money=false;
   report.time=0;
   report.error=0;
   report.already=false;
   report.found=-1;
   report.comment="";
   report.took=0;
   report.nowhere=false;
  }

class CLook
  {
private:
   CBroker          *m_broker;
   SRow              m_history[];
   bool              m_history_read;

   ELook             Opened(const SCommand &command,SReport &report);
   ELook             Levels(const SCommand &command,SReport &report);
   ELook             Closed(const SCommand &command,SReport &report);
   bool              ReadHistory(void);

public:
   SRow              living[];

                     CLook(void) { m_broker=NULL; m_history_read=false; }
   void              Begin(CBroker *broker) { m_broker=broker; }
   bool              Read(const SCommand &command);
   ELook             At(const SCommand &command,SReport &report);
   double            Lots(void) const;
   bool              Working(void) const;
   bool              Lives(const long ticket) const;
   long              Closer(const long ticket);
   void              PutMoney(const long ticket,SReport &report);
  };
//--- The command's orders that live: of its magic number, or the one that it names. False: the lists say nothing.
bool CLook::Read(const SCommand &command)
  {
   SRow all[];
   m_history_read=false;
   ArrayResize(living,0);
   if(!m_broker.Connected() || !m_broker.Trades(all) || !m_broker.Connected())
      return(false);
   int count=0;
   for(int i=0; i<ArraySize(all); i++)
     {
      if(all[i].magic!=command.magic || (command.ticket>0 && all[i].ticket!=command.ticket))
         continue;
      ArrayResize(living,count+1);
      living[count]=all[i];
      count++;
     }
   return(true);
  }
double CLook::Lots(void) const
  {
   double lots=0;
   for(int i=0; i<ArraySize(living); i++)
      if(!IsWorkingType(living[i].type))
         lots+=living[i].lots;
   return(lots);
  }
bool CLook::Working(void) const
  {
   for(int i=0; i<ArraySize(living); i++)
      if(IsWorkingType(living[i].type))
         return(true);
   return(false);
  }
bool CLook::Lives(const long ticket) const
  {
   for(int i=0; i<ArraySize(living); i++)
      if(living[i].ticket==ticket)
         return(true);
   return(false);
  }
bool CLook::ReadHistory(void)
  {
   if(!m_history_read)
      m_history_read=m_broker.History(m_history);
   return(m_history_read);
  }
//--- MetaTrader 5: the order that closed the newest part of this position; 0: none, or not known
long CLook::Closer(const long ticket)
  {
   long closer=0;
   datetime closed=0;
   if(!ReadHistory())
      return(0);
   for(int i=0; i<ArraySize(m_history); i++)
      if(m_history[i].ticket==ticket && IsTradeType(m_history[i].type) && m_history[i].closer>0 && m_history[i].closed>=closed)
        {
         closer=m_history[i].closer;
         closed=m_history[i].closed;
        }
   return(closer);
  }
//--- what was booked when this ticket closed
void CLook::PutMoney(const long ticket,SReport &report)
  {
   SRow row={};
   if(ticket<=0 || !m_broker.Money(ticket,row,report.money) || row.closed<=0)
      return;
   report.has_money=true;
   report.price=row.close_price;
   report.time=row.closed;
  }
//--- To be called after Read()
ELook CLook::At(const SCommand &command,SReport &report)
  {
   if(IsOpening(command.action) || command.action=="activate")
      return(Opened(command,report));
   if(command.action=="modify")
      return(Levels(command,report));
   return(Closed(command,report));
  }
//--- What was opened under this magic number, living or ended
ELook CLook::Opened(const SCommand &command,SReport &report)
  {
   if(!ReadHistory())
      return(LOOK_BLIND);
   double lots=Lots();
   long first=0;
   bool deleted=false;
   SRow origin={};
   for(int i=0; i<ArraySize(living); i++)
      if(first==0 || living[i].ticket<first)
        {
         first=living[i].ticket;
         origin=living[i];
        }
   if(Working() && command.action!="activate")
     {
      ClearReport(report,"placed");
      report.ticket=first;
      report.lots=origin.lots;
      return(LOOK_DONE);
     }
   for(int k=0; k<ArraySize(m_history); k++)
     {
      if(m_history[k].magic!=command.magic || m_history[k].closed<=0)
         continue;
      if(IsWorkingType(m_history[k].type))
        {
         deleted=true;
         continue;
        }
      lots+=m_history[k].lots;
      if(first==0 || m_history[k].ticket<first)
        {
         first=m_history[k].ticket;
         origin=m_history[k];
        }
     }
   if(lots<=LOTS_DUST)
     {
      if(!deleted)
         return(LOOK_NOTHING);
      ClearReport(report,"cancelled");
      return(LOOK_DONE);
     }
   bool whole=(command.action!="open" || lots>=command.lots-LOTS_DUST);
   ClearReport(report,whole ? "filled" : "partially_filled");
   report.ticket=first;
   report.lots=lots;
   report.price=origin.price;
   report.has_stops=true;
   report.sl=origin.sl;
   report.tp=origin.tp;
   report.time=origin.opened;
   return(LOOK_DONE);
  }
ELook CLook::Levels(const SCommand &command,SReport &report)
  {
   if(ArraySize(living)!=1)
      return(LOOK_NOTHING);
   bool same=(!command.has_sl || SamePrice(living[0].sl,command.sl,living[0].point))
             && (!command.has_tp || SamePrice(living[0].tp,command.tp,living[0].point));
   if(IsWorkingType(living[0].type) && command.has_price && !SamePrice(living[0].price,command.price,living[0].point))
      same=false;
   if(!same)
      return(LOOK_NOTHING);
   ClearReport(report,"modified");
   report.ticket=living[0].ticket;
   report.has_stops=true;
   report.sl=living[0].sl;
   report.tp=living[0].tp;
   return(LOOK_DONE);
  }
//--- the lots that should be left decide; a cancel that leaves some means those that have filled
ELook CLook::Closed(const SCommand &command,SReport &report)
  {
   double lots=Lots();
   double wanted=(command.action=="close" || command.ticket>0) ? 0.0 : command.lots_after;
   if(Working() || lots>wanted+LOTS_DUST)
      return(LOOK_NOTHING);
   bool filled=(lots>LOTS_DUST);
   long last=0;
   if(!filled && ReadHistory())
      for(int i=0; i<ArraySize(m_history); i++)
        {
         if(m_history[i].magic!=command.magic || IsWorkingType(m_history[i].type)
            || (command.ticket>0 && m_history[i].ticket!=command.ticket))
            continue;
         filled=true;
         last=MathMax(last,m_history[i].ticket);
        }
   ClearReport(report,command.action=="cancel" && !filled ? "cancelled" : "closed");
   report.ticket=(ArraySize(living)>0) ? living[0].ticket : last;
   report.remaining=lots;
   report.nowhere=(report.ticket==0 && !filled && command.action!="cancel");
   PutMoney(last,report);
   return(LOOK_DONE);
  }
#endif
