// Stands in for MetaQuotes' class of this name: a chain of objects, which it deletes unless told otherwise, with a place
// at which somebody stands.
#ifndef EAG_LIST
#define EAG_LIST
#include <Object.mqh>
class CList : public CObject
  {
protected:
   CObject          *m_first;
   CObject          *m_last;
   CObject          *m_current;
   int               m_total;
   bool              m_free;

   CObject          *Stand(CObject *node)
     {
      m_current=node;
      return(node);
     }

public:
                     CList(void) { m_first=NULL; m_last=NULL; m_current=NULL; m_total=0; m_free=true; }
                    ~CList(void) { Clear(); }
   bool              FreeMode(void) const { return(m_free); }
   void              FreeMode(const bool mode) { m_free=mode; }
   int               Total(void) const { return(m_total); }
   CObject          *GetFirstNode(void) { return(Stand(m_first)); }
   CObject          *GetLastNode(void) { return(Stand(m_last)); }
   CObject          *GetCurrentNode(void) { return(m_current); }
   CObject          *GetNextNode(void) { return(m_current==NULL || m_current.Next()==NULL ? NULL : Stand(m_current.Next())); }
   CObject          *GetPrevNode(void) { return(m_current==NULL || m_current.Prev()==NULL ? NULL : Stand(m_current.Prev())); }
   CObject          *GetNodeAtIndex(const int place)
     {
      if(place<0 || place>=m_total)
         return(NULL);
      CObject *node=m_first;
      for(int i=0; i<place; i++)
         node=node.Next();
      return(Stand(node));
     }
   bool              MoveToIndex(const int place)
     {
      CObject *node=DetachCurrent();
      return(node!=NULL && Insert(node,place)>=0);
     }
   int               IndexOf(CObject *wanted)
     {
      int place=0;
      for(CObject *node=m_first; node!=NULL; node=node.Next())
        {
         if(node==wanted)
            return(place);
         place++;
        }
      return(-1);
     }
   int               Add(CObject *node)
     {
      if(node==NULL)
         return(-1);
      node.Prev(m_last);
      node.Next(NULL);
      if(m_last==NULL)
         m_first=node;
      else
         m_last.Next(node);
      m_last=node;
      m_current=node;
      m_total++;
      return(m_total-1);
     }
   int               Insert(CObject *node,const int place)
     {
      if(node==NULL || place<0)
         return(-1);
      if(place>=m_total)
         return(Add(node));
      CObject *behind=GetNodeAtIndex(place);
      CObject *before=behind.Prev();
      node.Prev(before);
      node.Next(behind);
      behind.Prev(node);
      if(before==NULL)
         m_first=node;
      else
         before.Next(node);
      m_current=node;
      m_total++;
      return(place);
     }
   CObject          *DetachCurrent(void)
     {
      CObject *node=m_current;
      if(node==NULL)
         return(NULL);
      CObject *before=node.Prev();
      CObject *behind=node.Next();
      if(before==NULL)
         m_first=behind;
      else
         before.Next(behind);
      if(behind==NULL)
         m_last=before;
      else
         behind.Prev(before);
      m_current=(behind!=NULL) ? behind : before;
      node.Prev(NULL);
      node.Next(NULL);
      m_total--;
      return(node);
     }
   bool              DeleteCurrent(void)
     {
      CObject *node=DetachCurrent();
      if(node!=NULL && m_free)
         delete node;
      return(node!=NULL);
     }
   bool              Delete(const int place) { return(GetNodeAtIndex(place)!=NULL && DeleteCurrent()); }
   void              Clear(void)
     {
      m_current=m_first;
      while(DeleteCurrent())
         continue;
     }
  };
#endif
