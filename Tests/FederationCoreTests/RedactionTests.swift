import Testing

@testable import FederationCore

@Suite struct RedactionTests {
    private func redacted(_ json: String, hiding names: [String: String] = [:]) throws -> String {
        String(decoding: Redaction(hiding: names).json(try JSON(Array(json.utf8))), as: UTF8.self)
    }

    @Test func whatPeopleWriteGoesWhateverItIs() throws {
        let text = #"{"a":1,"trace_id":"x","title":"secret","body":{"deep":["secret"]},"list":[{"tags":["secret"],"b":true}],"n":null,"f":1.50}"#
        #expect(try redacted(text) == #"{"a":1,"list":[{"b":true}],"n":null,"f":1.50}"#)
    }

    @Test func aRecordsIDIsReplacedWhereverItStands() throws {
        let redaction = Redaction()
        #expect(redaction.text("applied 20260405-why-we-chose-it-k3x9qa=1") == "applied (record)=1")
        #expect(redaction.text("'20260405-a' 20260405-é-ü-k3x9qa.") == "'(record)' (record).")
        for text in ["2026-04-05T12:00:00Z", "20260405", "20260405-", "120260405-a", "x20260405-a", "1234567-abc", "01KNJX4991ASW6NNKS9BQHNCGB"] {
            #expect(redaction.text(text) == text)
        }
        #expect(try redacted(#"{"20260405-key-k3x9qa":["20260405-value-k3x9qa"]}"#) == #"{"(record)":["(record)"]}"#)
    }

    @Test func whatAFileSaysIsNotQuoted() throws {
        let text = #"{"problems":["f:1:2: unknown key 'hunter2', did you mean 'name'?","f: 'open","f: 'it's-mine' is not"],"other":"'kept'"}"#
        #expect(try redacted(text) == #"{"problems":["f:1:2: unknown key '…'?","f: '…","f: '…' is not"],"other":"'kept'"}"#)
    }

    @Test func whatALogSaysOfAFileIsNotQuotedEither() throws {
        let log = try JSON(Array(#"{"daemon":["error problem=\"f:1: unknown key 'hunter2'\""]}"#.utf8))
        let found = String(decoding: Redaction().json(log, quotes: true), as: UTF8.self)
        #expect(found == #"{"daemon":["error problem=\"f:1: unknown key '…'\""]}"#)
    }

    @Test func namesAreHiddenAsWholeWordsTheLongestFirst() throws {
        let names = ["beta": "peer-1", "beta.example": "host-1", "/home/ann": "(home)", "": "nothing"]
        #expect(try redacted(#"{"beta":"beta betamax xbeta peer=beta http://beta.example:1/beta","p":"/home/ann/x"}"#, hiding: names)
            == #"{"peer-1":"peer-1 betamax xbeta peer=peer-1 http://host-1:1/peer-1","p":"(home)/x"}"#)
    }

    @Test func indentedJSONIsTheSameJSON() throws {
        let text = #"{"a":[],"b":{},"c":[1,"x\n",{"d":null}],"e":true}"#
        let indented = try JSON(Array(text.utf8)).indented
        #expect(String(decoding: indented, as: UTF8.self) == """
            {
              "a": [],
              "b": {},
              "c": [
                1,
                "x\\n",
                {
                  "d": null
                }
              ],
              "e": true
            }
            """)
        #expect(try String(decoding: Redaction().json(JSON(indented)), as: UTF8.self) == text)
    }
}
