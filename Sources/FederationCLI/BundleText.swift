import Federation

/// What is wrong with a bundle, in words.
enum BundleText {
    static func words(_ code: String) -> String {
        switch code {
        case "not_a_bundle": "it is no bundle"
        case "newer": "it is of a newer federation"
        case "malformed": "it is not written as a bundle is"
        case "too_long": "a part of it is longer than any may be"
        case "order": "a page is missing, or comes twice"
        case "truncated": "it ends in the middle"
        case "trailing": "something follows its end"
        case "signature": "it is not signed by the node that it names"
        case "counts": "it has not as many pages and events as it says"
        case "partial": "it does not begin at the beginning of its node's log"
        case "page": "a page is not what its line says"
        default: code
        }
    }

    static func hint(_ failure: CommandFailure) -> String {
        switch failure.facts["case"] ?? "" {
        case "not_a_bundle": return "'federation export' makes one; a directory may be imported as well"
        case "partial": return "have it made without --for and --since"
        case "newer": return "upgrade this node first"
        default: break
        }
        let pages = Int64(failure.facts["pages"] ?? "") ?? 0
        let kept = pages > 0 ? "\(counted(pages, "page")) before that stay taken in; " : ""
        return kept + "have it made and copied again: what is known is not taken twice"
    }
}
