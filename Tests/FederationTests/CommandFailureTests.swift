import Federation
import FederationCore
import Testing

struct CommandFailureTests {
    @Test(arguments: CommandFailure.Code.allCases)
    func everyFailureGoesOverTheControlSocketAndBack(code: CommandFailure.Code) {
        let failure = CommandFailure(code, ["id": "a\u{1B}[31m\n\"", "limit": "7"], list: ["x", "é\0"])
        #expect(CommandFailure(json: failure.json) == failure)
    }

    @Test(arguments: ["", "{}", "[]", #"{"error":7}"#, #"{"error":{"code":"never heard of"}}"#, #"{"error":{}}"#])
    func whatIsNoFailureReadsAsNone(text: String) {
        #expect(CommandFailure(json: Array(text.utf8)) == nil)
    }

    @Test func aStoreFailureKeepsItsFacts() {
        #expect(CommandFailure(StoreFailure.newerSchema(found: 9)).facts == ["store": "newer_schema", "found": "9"])
        #expect(CommandFailure(StoreFailure.other(code: 26)).facts["sqlite"] == "26")
    }
}
