//+------------------------------------------------------------------+
//| Panel.mqh: nine lines on the chart, changed only where they      |
//| change; and alerts, each kind once an hour.                      |
//| Shared by MQL4 and MQL5.                                         |
//+------------------------------------------------------------------+
#property strict
#ifndef EAG_PANEL
#define EAG_PANEL

#define PANEL_LINES    9
#define PANEL_NAME     "EAGateway_"
#define ALERT_EVERY_MS 3600000

class CPanel
  {
private:
   string            m_shown[PANEL_LINES];
   bool              m_made;
   bool              m_by_comment;
   int               m_corner;

   bool              Make(void);

public:
                     CPanel(void) { m_made=false; m_by_comment=false; m_corner=0; }
   void              Begin(const int corner) { m_corner=corner; }
   void              Show(const string &lines[]);
   void              Remove(void);
  };
bool CPanel::Make(void)
  {
   for(int i=0; i<PANEL_LINES; i++)
     {
      string name=PANEL_NAME+IntegerToString(i);
      m_shown[i]="";
      if(ObjectFind(0,name)<0 && !ObjectCreate(0,name,OBJ_LABEL,0,0,0))
         return(false);
      ObjectSetInteger(0,name,OBJPROP_CORNER,m_corner);
      ObjectSetInteger(0,name,OBJPROP_XDISTANCE,8);
      ObjectSetInteger(0,name,OBJPROP_YDISTANCE,18+15*i);
      ObjectSetInteger(0,name,OBJPROP_FONTSIZE,9);
      ObjectSetInteger(0,name,OBJPROP_SELECTABLE,0);
      ObjectSetString(0,name,OBJPROP_FONT,"Consolas");
     }
   return(true);
  }
void CPanel::Show(const string &lines[])
  {
   if(!m_made)
     {
      m_by_comment=!Make();
      m_made=true;
     }
   bool changed=false;
   for(int i=0; i<PANEL_LINES; i++)
     {
      if(lines[i]==m_shown[i])
         continue;
      m_shown[i]=lines[i];
      changed=true;
      if(!m_by_comment)
         ObjectSetString(0,PANEL_NAME+IntegerToString(i),OBJPROP_TEXT,lines[i]=="" ? " " : lines[i]);
     }
   if(!changed)
      return;
   if(!m_by_comment)
     {
      ChartRedraw(0);
      return;
     }
   string all="";
   for(int k=0; k<PANEL_LINES; k++)
      all+=m_shown[k]+"\n";
   Comment(all);
  }
void CPanel::Remove(void)
  {
   for(int i=0; i<PANEL_LINES && m_made && !m_by_comment; i++)
      ObjectDelete(0,PANEL_NAME+IntegerToString(i));
   if(m_by_comment)
      Comment("");
   m_made=false;
  }
//--- an alert of each kind once an hour
class CAlerts
  {
private:
   string            m_kinds[];
   long              m_at[];
   int               m_count;

public:
   bool              on;

                     CAlerts(void) { m_count=0; on=true; }
   void              Say(const string kind,const string text,const long now);
  };
void CAlerts::Say(const string kind,const string text,const long now)
  {
   int at=0;
   while(at<m_count && m_kinds[at]!=kind)
      at++;
   if(at<m_count && now-m_at[at]<ALERT_EVERY_MS)
      return;
   if(at==m_count)
     {
      ArrayResize(m_kinds,m_count+1,16);
      ArrayResize(m_at,m_count+1,16);
      m_kinds[m_count]=kind;
      m_count++;
     }
   m_at[at]=now;
   if(on)
      Alert("EA Gateway: ",text);
   else
      Print("EA Gateway: ",text);
  }
#endif
