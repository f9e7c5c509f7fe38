//+------------------------------------------------------------------+
//| Clock.mqh: milliseconds. Inside a run by the microsecond counter,|
//| across runs by the wall clock, deadlines by the gateway's clock. |
//| Shared by MQL4 and MQL5.                                         |
//+------------------------------------------------------------------+
#property strict
#ifndef EAG_CLOCK
#define EAG_CLOCK
#include "Text.mqh"

class CClock
  {
private:
   long              m_anchor;
   long              m_anchor_monotonic;
   long              m_offset;
   bool              m_known;

public:
                     CClock(void) { m_anchor=0; m_anchor_monotonic=0; m_offset=0; m_known=false; }
   long              Monotonic(void) const { return((long)(GetMicrosecondCount()/1000)); }
   long              Wall(void);
   long              Server(void) { return(Wall()+m_offset); }
   void              Observe(const string told);
   string            Stamp(void) { return(Written(Wall())); }
   static string     Written(const long milliseconds);
  };
//--- The terminal's clock has whole seconds; between them the counter goes on. A clock that was set, or a computer that
//--- slept, shows as a difference of more than two seconds.
long CClock::Wall(void)
  {
   long monotonic=Monotonic();
   long seconds=(long)TimeGMT()*1000;
   long now=m_anchor+monotonic-m_anchor_monotonic;
   if(m_anchor==0 || MathAbs(now-seconds)>2000)
     {
      m_anchor=seconds;
      m_anchor_monotonic=monotonic;
      now=seconds;
     }
   return(now);
  }
//--- what the gateway's clock showed when it wrote this
void CClock::Observe(const string told)
  {
   long server=TimeValue(told);
   if(server<=0)
      return;
   m_offset=server-Wall();
   m_known=true;
  }
string CClock::Written(const long milliseconds)
  {
   return(TimeText((datetime)(milliseconds/1000),(int)(milliseconds%1000)));
  }
#endif
