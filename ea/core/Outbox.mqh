//+------------------------------------------------------------------+
//| Outbox.mqh: the numbered frames that the gateway has not yet     |
//| acknowledged, in their order. What is in it is in the journal.   |
//| Shared by MQL4 and MQL5.                                         |
//+------------------------------------------------------------------+
#property strict
#ifndef EAG_OUTBOX
#define EAG_OUTBOX
#include "Text.mqh"

//--- `seen`: when it happened, by the wall clock; the age is told anew at each sending. `payload` is a JSON object.
struct SFrame
  {
   string            id;
   string            type;
   string            payload;
   long              seen;
   bool              aged;
   bool              sent;
  };

class COutbox
  {
private:
   SFrame            m_frames[];
   int               m_count;
   long              m_first;

public:
                     COutbox(void) { m_count=0; m_first=1; }
   void              Clear(void) { m_count=0; m_first=1; ArrayResize(m_frames,0); }
   int               Count(void) const { return(m_count); }
   long              First(void) const { return(m_first); }
   long              Top(void) const { return(m_first+m_count-1); }
   void              Renumber(const long first);
   void              Add(const SFrame &frame);
   bool              Acknowledge(const long seq);
   bool              At(const long seq,SFrame &frame) const;
   bool              IdAt(const string id) const;
   void              MarkSent(const long seq);
   static string     Encode(const SFrame &frame);
   static bool       Decode(const string text,SFrame &frame);
   static string     Wire(const SFrame &frame,const long now);
  };
//--- a new session counts from `first`; ids stay
void COutbox::Renumber(const long first)
  {
   m_first=first;
   for(int i=0; i<m_count; i++)
      m_frames[i].sent=false;
  }
void COutbox::Add(const SFrame &frame)
  {
   ArrayResize(m_frames,m_count+1,256);
   m_frames[m_count]=frame;
   m_count++;
  }
//--- everything up to this number has arrived; false if that is no news
bool COutbox::Acknowledge(const long seq)
  {
   int gone=(int)MathMin((long)m_count,seq-m_first+1);
   if(gone<=0)
      return(false);
   for(int i=gone; i<m_count; i++)
      m_frames[i-gone]=m_frames[i];
   m_count-=gone;
   m_first+=gone;
   ArrayResize(m_frames,m_count,256);
   return(true);
  }
bool COutbox::At(const long seq,SFrame &frame) const
  {
   if(seq<m_first || seq>=m_first+m_count)
      return(false);
   frame=m_frames[(int)(seq-m_first)];
   return(true);
  }
bool COutbox::IdAt(const string id) const
  {
   for(int i=0; i<m_count; i++)
      if(m_frames[i].id==id)
         return(true);
   return(false);
  }
void COutbox::MarkSent(const long seq)
  {
   if(seq>=m_first && seq<m_first+m_count)
      m_frames[(int)(seq-m_first)].sent=true;
  }
//--- a frame as a part of a record; JSON has no bare tabulator
string COutbox::Encode(const SFrame &frame)
  {
   return(frame.id+" "+frame.type+" "+IntegerToString(frame.seen)+" "+(frame.aged ? "1" : "0")+" "+frame.payload);
  }
bool COutbox::Decode(const string text,SFrame &frame)
  {
   int cut[4];
   int from=0;
   for(int i=0; i<4; i++)
     {
      cut[i]=StringFind(text," ",from);
      if(cut[i]<0)
         return(false);
      from=cut[i]+1;
     }
   frame.id=StringSubstr(text,0,cut[0]);
   frame.type=StringSubstr(text,cut[0]+1,cut[1]-cut[0]-1);
   frame.seen=StringToInteger(StringSubstr(text,cut[1]+1,cut[2]-cut[1]-1));
   frame.aged=(StringSubstr(text,cut[2]+1,1)=="1");
   frame.payload=StringSubstr(text,cut[3]+1);
   frame.sent=false;
   return(true);
  }
//--- the payload as it is sent now
string COutbox::Wire(const SFrame &frame,const long now)
  {
   if(!frame.aged)
      return(frame.payload);
   long age=MathMax((long)0,now-frame.seen);
   return(StringSubstr(frame.payload,0,StringLen(frame.payload)-1)+",\"age_ms\":"+IntegerToString(age)+"}");
  }
#endif
