import CFuzzer
import Glibc
import Synchronization

/// Every fuzzer, in the order in which `make fuzz` runs them.
let fuzzers: [any Fuzzer.Type] = [
    EventJSON.self, MCPAnswer.self, NDJSONPage.self, YAMLConfig.self, FrontMatterText.self, KeysAndSignatures.self,
    HTTPRequestParts.self, HTTPSocket.self, MCPRequest.self, NativeAnswer.self, NativePushBody.self, MeshAnswer.self,
    JSONStatements.self, NegentropyMessage.self, ZstdBody.self, ShortTexts.self, BundleBytes.self,
]

// Without the name of a fuzzer in the environment: the names, or the seeds of all of them; else libFuzzer's own
// command line.
let asked = unsafe getenv("FUZZER").map { unsafe String(cString: $0) }
if asked == nil, CommandLine.arguments.count == 3, CommandLine.arguments[1] == "--write-seeds" {
    try writeSeeds(of: fuzzers, into: CommandLine.arguments[2])
    exit(0)
}
guard let chosen = fuzzers.first(where: { $0.name == asked }) else {
    print(fuzzers.map { $0.name }.joined(separator: "\n"))
    exit(asked == nil ? 0 : 2)
}
underTest.withLock { $0 = chosen }
var count = CommandLine.argc
var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
exit(LLVMFuzzerRunDriver(&count, &arguments) { data, size in
    let fuzzer = underTest.withLock { $0 }
    fuzzer.take(Array(UnsafeBufferPointer(start: data, count: size)))
    return 0
})
