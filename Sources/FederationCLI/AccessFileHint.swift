import Federation
import FederationCore

/// What to do about a file with a key or a certificate.
enum AccessFileHint {
    /// What is wrong with a file that TLS needs.
    static func tls(_ failure: CommandFailure) -> String {
        switch failure.facts["case"] {
        case "missing": "there is no such file"
        case "unreadable": "it cannot be read"
        case "no_certificate": "it holds no certificate in PEM"
        case "no_key": "it holds no private key in PEM without a password"
        case "key_mismatch": "\((failure.facts["key"] ?? "?").escapedForTerminal) is not its key"
        case "expired": "the certificate has expired"
        case "not_yet": "the certificate does not hold yet"
        case "unusable": "the TLS library refuses it"
        default: (failure.facts["why"] ?? "?").escapedForTerminal
        }
    }

    static func text(_ failure: CommandFailure) -> String? {
        let file = (failure.facts["file"] ?? "FILE").escapedForTerminal
        switch failure.facts["case"] {
        case "mode", "key_mode": return "give only yourself access: chmod 600 \(file)"
        case "missing" where failure.code == .accessKey: return "make one with 'federation key new \(file)'"
        case "malformed": return "one key of visible characters on a line; 'federation key new FILE' makes one"
        case "shared": return "name another file in 'page.key_file'; 'federation key new FILE' makes a key"
        case "expired": return "renew it; a running node takes a new file in by itself"
        case "not_yet": return "is this machine's clock right?"
        case "key_mismatch": return "name the key that the certificate was made for"
        case "exists": return "nothing was changed"
        default: return nil
        }
    }
}
