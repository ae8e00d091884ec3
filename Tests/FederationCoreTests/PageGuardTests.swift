import FederationCore
import Testing

/// What a browser may ask of the page, and what only the page itself.
@Suite struct PageGuardTests {
    private func status(
        _ kind: PageGuard.Kind, _ method: String, _ mediaType: String = "", _ fields: HTTPFields = [:]
    ) -> Int? {
        PageGuard.refusal(of: kind, method: method, mediaType: mediaType, fields)?.status
    }

    @Test func filesAreForWhoeverComes() {
        #expect(status(.file, "GET") == nil && status(.file, "HEAD") == nil)
        // A link from elsewhere leads here.
        #expect(status(.file, "GET", "", ["Sec-Fetch-Site": "cross-site"]) == nil)
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "get"] { #expect(status(.file, method) == 405) }
    }

    @Test(arguments: [("same-origin", nil), ("none", nil), ("same-site", 403), ("cross-site", 403), ("Same-Origin", 403), ("", 403)] as [(String, Int?)])
    func questionsAreOfThePageItself(site: String, refused: Int?) {
        #expect(status(.question, "GET", "", ["Sec-Fetch-Site": site]) == refused)
    }

    @Test func programsThatAreNoBrowserMayAsk() {
        #expect(status(.question, "GET") == nil)
        #expect(status(.command, "POST", "application/json", ["Federation-Page": "1"]) == nil)
    }

    @Test func nothingIsDoneForWhatAFormOrAnotherOriginCanSend() {
        let field: HTTPFields = ["Federation-Page": "1"]
        #expect(status(.command, "GET", "application/json", field) == 405)
        for type in ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
            #expect(status(.command, "POST", type, field) == 415)
        }
        #expect(status(.command, "POST", "application/json") == 403)
        #expect(status(.command, "POST", "application/json", ["Federation-Page": "0"]) == 403)
        var twice = field
        twice.append("federation-page", "1")
        #expect(status(.command, "POST", "application/json", twice) == 403)
        #expect(status(.command, "POST", "application/json", ["Federation-Page": "1", "Sec-Fetch-Site": "cross-site"]) == 403)
    }
}
