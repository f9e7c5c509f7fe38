//+------------------------------------------------------------------+
//| Errors.mqh: a sentence for each problem of the gateway and each  |
//| error of the terminal, with what to do; and what an order that   |
//| failed may do next. Shared by MQL4 and MQL5.                     |
//+------------------------------------------------------------------+
#property strict
#ifndef EAG_ERRORS
#define EAG_ERRORS

//--- What a refused order may do: again at once with a new price; again soon; nothing; and nobody knows what it did.
enum EMarket { MARKET_PRICE, MARKET_BUSY, MARKET_FINAL, MARKET_UNKNOWN };

EMarket MarketClass(const int error)
  {
   switch(error)
     {
      case 135:
      case 138:
         return(MARKET_PRICE);
      case 4:
      case 6:
      case 8:
      case 129:
      case 136:
      case 137:
      case 141:
      case 145:
      case 146:
         return(MARKET_BUSY);
      case 1:
      case 2:
      case 128:
      case 142:
      case 143:
         return(MARKET_UNKNOWN);
     }
   return(MARKET_FINAL);
  }
bool IsUnknownOutcome(const int error)
  {
   return(MarketClass(error)==MARKET_UNKNOWN);
  }
//--- The terminal's errors: number, then what it means and what to do
string MarketSentence(const int error)
  {
   int codes[]=
     {
      0,1,2,3,4,5,6,7,8,9,64,65,128,129,130,131,132,133,134,135,136,137,138,139,140,141,142,143,145,146,147,148,149,150,
      4051,4060,4062,4066,4073,4099,4105,4106,4107,4108,4109,4110,4111,4112,5002,5004,5022,5200,5201,5202,5203,
      12002,12007,12029,12030,12152,12175
     };
   string sentences[]=
     {
      "No error.",
      "The broker gave no result. It is being asked.",
      "A common error at the broker. It is being asked.",
      "The broker did not understand the order. Tell your operator.",
      "The trade server is busy. It is tried again.",
      "This terminal is too old. Update MetaTrader.",
      "No connection to the broker. Check the network and the login.",
      "This login may not trade. Log in with the main password.",
      "Too many requests to the broker. It is tried again.",
      "The trade operation broke down at the broker. Tell your broker.",
      "The account is disabled. Ask your broker.",
      "The account is invalid. Log in again.",
      "The broker did not answer in time. It is being asked.",
      "The price was invalid. It is tried again.",
      "The stops are too near to the price, or not taken. They are set later.",
      "The lots are invalid at this broker. Tell your operator.",
      "The market is closed. It is ordered again when it opens.",
      "Trading is disabled for this account or symbol. Ask your broker.",
      "Not enough money for this order. Add funds or lower the lots.",
      "The price has changed. It is tried again.",
      "The broker has no price now. It is tried again.",
      "The broker is busy. It is tried again.",
      "Requote: the price moved away. It is tried again.",
      "The order is locked at the broker. Wait.",
      "Only long positions are allowed for this symbol. Tell your operator.",
      "Too many requests. It is tried again more slowly.",
      "The order was handed over without an outcome. The broker is being asked.",
      "The order is being carried out by a dealer. The broker is being asked.",
      "The order is too near to the market to be changed. It is tried again.",
      "The trade context is busy: another program is trading. It is tried again.",
      "This broker takes no expiry. The order is sent without one.",
      "Too many orders are open at this broker. Close some.",
      "This broker does not allow hedging. Tell your operator.",
      "This broker closes first in, first out. Tell your operator.",
      "The terminal did not understand a parameter. Tell your operator.",
      "The gateway's address is not allowed. Tools, Options, Expert Advisors, Allow WebRequest for listed URL: add it.",
      "A text was expected. Tell your operator.",
      "The terminal is loading its history. Wait.",
      "The symbol's history is being loaded. Wait.",
      "The end of a file was reached. Tell your operator.",
      "No order is selected. Tell your operator.",
      "This broker has no such symbol. Tell your operator.",
      "The price was no price. Tell your operator.",
      "There is no such order at the broker.",
      "Trading is not allowed. Press AutoTrading, and allow live trading for this program.",
      "Long positions are not allowed. Look at the program's settings.",
      "Short positions are not allowed. Look at the program's settings.",
      "Trading by programs is switched off at the broker. Ask your broker.",
      "A file was not open. Attach the program again.",
      "A file could not be opened. Look for another chart with this program.",
      "The disk is full. Free some space, then attach the program again.",
      "The gateway's address is invalid. Correct GatewayUrl.",
      "The gateway cannot be reached. Check the address and the network.",
      "The gateway did not answer in time. It is tried again.",
      "The call to the gateway failed. It is tried again; check clock, proxy and antivirus.",
      "The gateway did not answer in time. It is tried again.",
      "The gateway's name is not known. Check GatewayUrl and the network.",
      "The gateway cannot be reached. It is tried again; check GatewayUrl.",
      "The connection to the gateway was cut. It is tried again.",
      "The answer was not the gateway's. Look for a proxy or antivirus between.",
      "The gateway's certificate was refused. Check the clock of this computer, and TLS 1.2 of Windows."
     };
   for(int i=0; i<ArraySize(codes); i++)
      if(codes[i]==error)
         return(sentences[i]);
   return("Error "+IntegerToString(error)+" of the terminal. Tell your operator.");
  }
//--- The gateway's problems: code, then what to do
string ProblemSentence(const string code)
  {
   string pairs[]=
     {
      "account_id_invalid","The gateway cannot read this account's name. Tell your operator.",
      "account_not_granted","This account is not granted. Ask your operator to grant it.",
      "account_suspended","Your operator has suspended this account. Ask the operator.",
      "already_authenticated","The program greeted twice. It goes on; tell your operator if it stays.",
      "auth_method_unknown","The gateway does not take keys. Ask your operator.",
      "bad_request","The gateway could not read a call. Update the program.",
      "body_too_big","A call was too big. Update the program.",
      "credentials_refused","The credentials are refused. Ask your operator.",
      "fenced","Another terminal is in charge of this account. Close the other one, or this one.",
      "field_unreadable","A field could not be read. Nothing to do; tell your operator.",
      "flood","Too much at once. It goes on by itself.",
      "frame_too_big","A frame was too big. Tell fewer symbols.",
      "frame_unexpected","The gateway did not expect a frame. Update the program.",
      "heartbeat_timeout","The gateway did not hear this terminal in time. It connects again.",
      "id_reused","An id was used twice. Tell your operator.",
      "idempotency_key_reused","A call was repeated with another body. It is tried again.",
      "internal","The gateway failed on something. It is tried again.",
      "invalid","The gateway refused a field. Tell your operator.",
      "key_malformed","The key is too short. Make AccountKey empty, or paste the whole key.",
      "key_not_enrolled","This key is not known. Ask your operator to enrol it.",
      "key_refused","The key was refused or revoked. Ask your operator.",
      "key_rejected","The key was rejected or revoked. Ask your operator.",
      "maintenance","The gateway is in maintenance. It goes on by itself.",
      "malformed","The gateway could not read a frame. Update the program.",
      "media_type_unsupported","A call had the wrong type. Look for a proxy between.",
      "method_not_allowed","The gateway does not know this call. Check GatewayUrl.",
      "not_acceptable","An answer could not be made. Look for a proxy between.",
      "not_authenticated","The key waits for its approval. Call your operator.",
      "not_found","There is no gateway at this address. Check GatewayUrl.",
      "not_your_command","A report was about another account's command. Tell your operator.",
      "parts_incomplete","The list of symbols arrived in part. It is sent again.",
      "poisoned","The gateway could not store a frame. Your operator has been told.",
      "preempted","Another terminal is in charge of this account. Close the other one, or this one.",
      "protocol_error","The gateway ended the session for what was sent. Tell your operator.",
      "request_in_flight","The call is still being answered. It is tried again.",
      "resend_in_flight","What was asked for is on its way.",
      "resend_out_of_range","Numbers were asked for that do not exist. Tell your operator.",
      "seq_missing","A frame had no number. Update the program.",
      "sequence_conflict","One number had two frames. Tell your operator.",
      "service_restart","The gateway restarts. It goes on by itself.",
      "session_closed","The session has ended. A new one is opened.",
      "session_full","The key waits for its approval, and nothing more is kept. Call your operator.",
      "snapshot_unusable","The book could not be used. It is asked for again.",
      "superseded","A newer connection of this terminal has taken over. It goes on.",
      "throttled","Too many requests. It goes on by itself.",
      "ticket_reused","A ticket was another position before, and is not copied. Close it by hand.",
      "token_in_address","A token stood in an address. Update the program.",
      "token_invalid","The session is not known any more. A new one is opened.",
      "try_later","A part of the gateway is away. It goes on by itself.",
      "unknown_field","A field has an unknown name. Update the program.",
      "unknown_type","A frame's type is unknown. Update the program.",
      "uri_too_long","An address was too long. Correct GatewayUrl.",
      "version_unsupported","The gateway does not speak this version. Update the program."
     };
   for(int i=0; i+1<ArraySize(pairs); i+=2)
      if(pairs[i]==code)
         return(pairs[i+1]);
   return("");
  }
#endif
