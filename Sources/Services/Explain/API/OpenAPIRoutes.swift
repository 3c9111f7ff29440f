import API
import Auth
import Kit

/// `/openapi/{service}`: what a service's routes take, as an OpenAPI 3.1 document.
struct OpenAPIRoutes {
  /// Every service of the cloud.
  let services: @Sendable () -> [ServiceAPI]

  var routes: [Route] {
    [
      Route(.get, "/v1/openapi", Permission("haneul:openapi", .authenticated), query: .nothing) { call in
        .json { $0.field("services", services().map { "\(call.baseURL)/haneul/v1/openapi/\($0.prefix)" }) }
      },
      Route(.get, "/v1/openapi/{service}", Permission("haneul:openapi", .authenticated), query: .nothing) { call in
        let name = try call.parameter("service")
        guard let service = services().first(where: { $0.prefix == name }) else {
          throw Fault.notFound("There is no service \(name.quoted).")
        }
        return .json(bytes: OpenAPI(service, baseURL: call.baseURL).json)
      },
    ]
  }
}
