//+------------------------------------------------------------------+
//| Facts.mqh: rows of the book in the words of the protocol.        |
//| Shared by MQL4 and MQL5.                                         |
//+------------------------------------------------------------------+
#property strict
#ifndef EAG_FACTS
#define EAG_FACTS
#include "Config.mqh"
#include "Broker.mqh"
#include "Clock.mqh"
#include "Diff.mqh"
#include "Json.mqh"

//--- a number without the zeros behind it
string NumberText(const double value)
  {
   string text=DecimalText(value,8);
   if(StringFind(text,".")<0)
      return(text);
   int length=StringLen(text);
   while(length>0 && StringGetCharacter(text,length-1)=='0')
      length--;
   if(length>0 && StringGetCharacter(text,length-1)=='.')
      length--;
   return(length>0 ? StringSubstr(text,0,length) : "0");
  }
void PutNumber(CJsonWriter &json,const string name,const double value)
  {
   string text=NumberText(value);
   if(text!="")
      json.Text(name,text);
  }
bool IsCopy(const long magic)
  {
   return(magic>COPY_MAGIC && magic<=COPY_MAGIC+COPY_NUMBERS);
  }
int CopyNumber(const long magic)
  {
   return(IsCopy(magic) ? (int)(magic-COPY_MAGIC) : 0);
  }
string SideOf(const int type)
  {
   return((type%2)==0 ? "buy" : "sell");
  }
string OrderTypeOf(const int type)
  {
   return(type<2 ? "market" : type<4 ? "limit" : "stop");
  }
//--- 0..5, or -1
int TypeOf(const string side,const string order_type)
  {
   int base=(order_type=="limit") ? 2 : (order_type=="stop") ? 4 : (order_type=="market") ? 0 : -1;
   if(base<0 || (side!="buy" && side!="sell"))
      return(-1);
   return(base+(side=="sell" ? 1 : 0));
  }
string CauseText(const ECause cause)
  {
   string names[]={"manual","stop_loss","take_profit","stop_out","close_by","expiry"};
   return(names[(int)cause]);
  }
//--- the broker's wall clock, as its statements show it
string BrokerTime(const datetime time)
  {
   return(TimeToString(time,TIME_DATE|TIME_SECONDS));
  }
//--- letters that no journal and no frame can do without being told; at most 64
string CommentText(const string comment)
  {
   string text=StringSubstr(comment,0,64);
   for(int i=0; i<StringLen(text); i++)
      if(StringGetCharacter(text,i)<32)
         StringSetCharacter(text,i,' ');
   return(text);
  }
string Base36(long number)
  {
   string digits="0123456789abcdefghijklmnopqrstuvwxyz";
   string text="";
   do
     {
      text=StringSubstr(digits,(int)(number%36),1)+text;
      number=number/36;
     }
   while(number>0);
   return(text);
  }
//--- The broker's clock less UTC, in quarters of an hour. It is believed when two prices have shown the same: a terminal that
//--- is started at a weekend shows the last moment of Friday, once.
class CBrokerClock
  {
private:
   datetime          m_last;
   long              m_moved;
   bool              m_known;
   int               m_offset;
   int               m_seen;

public:
                     CBrokerClock(void) { Forget(); }
   void              Forget(void) { m_last=0; m_moved=-1; m_known=false; m_offset=0; m_seen=1; }
   void              Look(const long monotonic);
   bool              Fresh(const long monotonic) const { return(m_moved>=0 && monotonic-m_moved<5000); }
   bool              Known(void) const { return(m_known); }
   int               Offset(void) const { return(m_offset); }
   string            Utc(const datetime broker) const;
  };
void CBrokerClock::Look(const long monotonic)
  {
   datetime now=TimeCurrent();
   if(m_last!=0 && now!=m_last)
     {
      m_moved=monotonic;
      // more than a day is no time zone: one of the two clocks is wrong, and nothing is said about the other
      long apart=(long)now-(long)TimeGMT();
      int offset=(int)MathRound((double)apart/900.0)*900;
      if(MathAbs(apart)>86400)
         m_known=false;
      else if(offset==m_seen)
        {
         m_known=true;
         m_offset=offset;
        }
      m_seen=offset;
     }
   m_last=now;
  }
//--- "" as long as nobody knows what the broker's clock means
string CBrokerClock::Utc(const datetime broker) const
  {
   if(!m_known || broker<=0)
      return("");
   return(TimeText((datetime)((long)broker-m_offset),0));
  }
#endif
