//+------------------------------------------------------------------+
//| Panel.mqh: nine lines on the chart, changed only where they      |
//| change; and alerts, each kind once an hour. A label shows 63     |
//| characters, so a longer line goes on below.                      |
//| Shared by MQL4 and MQL5.                                         |
//+------------------------------------------------------------------+
#property strict
#ifndef EAG_PANEL
#define EAG_PANEL

#define PANEL_LINES    9
#define PANEL_LABELS   18
#define LABEL_LETTERS  63
#define PANEL_NAME     "EAGateway_"
#define ALERT_EVERY_MS 3600000

class CPanel
  {
private:
   string            m_shown[PANEL_LABELS];
   bool              m_made;
   bool              m_by_comment;
   int               m_corner;

   bool              Make(void);
   static void       Wrap(const string &lines[],string &labels[]);

public:
                     CPanel(void) { m_made=false; m_by_comment=false; m_corner=0; }
   void              Begin(const int corner) { m_corner=corner; }
   void              Show(const string &lines[]);
   void              Remove(void);
  };
bool CPanel::Make(void)
  {
   for(int i=0; i<PANEL_LABELS; i++)
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
//--- what goes on below begins with two blanks; what has no room is left out
void CPanel::Wrap(const string &lines[],string &labels[])
  {
   int count=0;
   ArrayResize(labels,PANEL_LABELS);
   for(int i=0; i<ArraySize(lines); i++)
     {
      string rest=lines[i];
      while(count<PANEL_LABELS && StringLen(rest)>LABEL_LETTERS)
        {
         int cut=LABEL_LETTERS;
         while(cut>LABEL_LETTERS/2 && StringGetCharacter(rest,cut)!=' ')
            cut--;
         if(StringGetCharacter(rest,cut)!=' ')
            cut=LABEL_LETTERS;
         labels[count]=StringSubstr(rest,0,cut);
         count++;
         rest="  "+StringSubstr(rest,cut+(StringGetCharacter(rest,cut)==' ' ? 1 : 0));
        }
      if(count<PANEL_LABELS && rest!="")
        {
         labels[count]=rest;
         count++;
        }
     }
   for(int k=count; k<PANEL_LABELS; k++)
      labels[k]="";
  }
void CPanel::Show(const string &lines[])
  {
   string labels[];
   Wrap(lines,labels);
   if(!m_made)
     {
      m_by_comment=!Make();
      m_made=true;
     }
   bool changed=false;
   for(int i=0; i<PANEL_LABELS; i++)
     {
      if(labels[i]==m_shown[i])
         continue;
      m_shown[i]=labels[i];
      changed=true;
      if(!m_by_comment)
         ObjectSetString(0,PANEL_NAME+IntegerToString(i),OBJPROP_TEXT,labels[i]=="" ? " " : labels[i]);
     }
   if(!changed)
      return;
   if(!m_by_comment)
     {
      ChartRedraw(0);
      return;
     }
   string all="";
   for(int k=0; k<PANEL_LABELS; k++)
      all+=m_shown[k]+"\n";
   Comment(all);
  }
void CPanel::Remove(void)
  {
   for(int i=0; i<PANEL_LABELS && m_made && !m_by_comment; i++)
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
