import FederationCore
import Synchronization
import Testing

@testable import FederationCLI

/// One of `docs/schemas`: what a command prints with `--json`.
///
/// Knows the keywords that those files use, and no other. It is stricter than they are: a member that a schema does not
/// name is a violation here, though not for readers, since members are added over time.
struct JSONSchema {
    /// A violation, with its place.
    struct Violation: Hashable, CustomStringConvertible {
        var path: String
        var what: String
        var description: String { "\(path.isEmpty ? "the whole" : path): \(what)" }
    }

    static let directory = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
        .joined(separator: "/") + "/docs/schemas"

    private let root: JSON
    private let common: JSON

    /// - Parameter name: a command's, or `failure`.
    init(_ name: String) throws {
        root = try JSONSchema.file(name.split(separator: " ").joined(separator: "-"))
        common = try JSONSchema.file("common")
    }

    private static func file(_ name: String) throws -> JSON {
        let text = TestFile.text("\(directory)/\(name).json")
        guard !text.isEmpty else { throw Unfulfilled("no schema docs/schemas/\(name).json") }
        return try JSON(Array(text.utf8))
    }

    func violations(of value: JSON) -> [Violation] { check(value, root, at: "") }

    private func check(_ value: JSON, _ schema: JSON, at path: String) -> [Violation] {
        if let reference = schema["$ref"]?.string {
            guard let name = reference.split(separator: "/").last, let target = common["$defs"]?[String(name)] else {
                return [Violation(path: path, what: "no definition \(reference)")]
            }
            return check(value, target, at: path)
        }
        if let ways = schema["anyOf"]?.array {
            let all = ways.map { check(value, $0, at: path) }
            return all.contains([]) ? [] : all.min { $0.count < $1.count } ?? []
        }
        var found: [Violation] = []
        let kinds = schema["type"]?.array?.compactMap(\.string) ?? [schema["type"]?.string].compactMap { $0 }
        if !kinds.isEmpty, !kinds.contains(where: { value.is($0) }) {
            return [Violation(path: path, what: "not \(kinds): \(String(decoding: value.raw.prefix(80), as: UTF8.self))")]
        }
        if let allowed = schema["enum"]?.array, !allowed.contains(where: { $0.string == value.string }) {
            found.append(Violation(path: path, what: "none of the known texts: \(value.string ?? "")"))
        }
        if let pattern = schema["pattern"]?.string, let text = value.string, !JSONSchema.matches(text, pattern) {
            found.append(Violation(path: path, what: "'\(text.prefix(80))' is not \(pattern)"))
        }
        if let least = schema["minimum"]?.integer, let number = value.integer, number < least {
            found.append(Violation(path: path, what: "\(number) is below \(least)"))
        }
        if let members = value.members { found += check(members, schema, at: path) }
        if let items = value.array, let each = schema["items"] {
            // As many as show every shape.
            for item in items.prefix(100) { found += check(item, each, at: path + "[]") }
        }
        return found
    }

    private func check(_ members: [(key: String, value: JSON)], _ schema: JSON, at path: String) -> [Violation] {
        guard schema["type"]?.string == "object" else { return [] }
        var found: [Violation] = []
        let named = schema["properties"]
        for (key, value) in members {
            if let known = named?[key] {
                found += check(value, known, at: "\(path).\(key)")
            } else if let others = schema["additionalProperties"] {
                found += check(value, others, at: "\(path).*")
            } else {
                found.append(Violation(path: "\(path).\(key)", what: "no such member in the schema"))
            }
        }
        for key in schema["required"]?.array?.compactMap(\.string) ?? [] where !members.contains(where: { $0.key == key }) {
            found.append(Violation(path: "\(path).\(key)", what: "missing"))
        }
        return found
    }

    private static func matches(_ text: String, _ pattern: String) -> Bool {
        guard let regex = try? Regex(pattern) else { return false }
        return text.firstMatch(of: regex) != nil
    }
}

extension JSON {
    /// Whether it is of a schema's `type`.
    fileprivate func `is`(_ type: String) -> Bool {
        switch type {
        case "string": string != nil
        case "boolean": bool != nil
        case "integer": integer != nil || unsigned != nil
        case "number": isNumber
        case "array": array != nil
        case "object": isObject
        default: false
        }
    }
}

/// Holds whatever the program prints with `--json`, in every test, to the schema of its command.
enum SchemaCheck {
    static func hold(_ arguments: [String], to output: String) {
        guard case .run(let command, let parsed)? = try? ArgumentParser(commands: allCommands).parse(arguments), parsed.json
        else { return }
        for line in output.split(separator: "\n" as Character) {
            do {
                let value = try JSON(Array(line.utf8))
                let schema = try JSONSchema(value["error"] == nil ? command.name : "failure")
                for violation in Set(schema.violations(of: value)) {
                    Issue.record("federation \(command.name) --json: \(violation)")
                }
            } catch {
                Issue.record("federation \(command.name) --json: \(error)")
            }
        }
    }
}
