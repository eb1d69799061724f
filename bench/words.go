package bench

// vocabulary is the words of synthetic prompts: short, common and plain, since
// such a word with the blank before it is one token in the vocabularies of
// today's models. Whether it is in the one at hand is measured, not believed.
const vocabulary = `
time year people way day man thing woman life child world school state family student group country problem
hand part place case week company system program question work government number night point home water room
mother area money story fact month lot right study book eye job word business issue side kind head house
service friend father power hour game line end member law car city community name president team minute idea
body information back parent face others level office door health person art war history party result change
morning reason research girl guy moment air teacher force education the and that have for not with you this but
his from they say her she will one all would there their what out about who get which when make can like
just him know take into your good some could them see other than then now look only come its over think also
after use two how our first well even new want because any these give most us go great big small large long
high low old young early late public social local national real best free able open white black red green blue
short hard easy clear strong whole true full special certain human important different political main common
single possible major economic current north south east west far near here where why again always never often
today once soon still already however though while until before since both each few more many much such same
`
