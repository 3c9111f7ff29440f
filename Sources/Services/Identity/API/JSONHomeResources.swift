/// Keystone's resources by the names that JSON-home gives them: by extension (none for the API's own), the relation and
/// the path below `/v3`.
enum JSONHomeResources {
  static let paths: KeyValuePairs<String, KeyValuePairs<String, String>> = [
    "OS-EC2": [
      "ec2tokens": "/ec2tokens",
      "user_credential": "/users/{user_id}/credentials/OS-EC2/{credential_id}",
      "user_credentials": "/users/{user_id}/credentials/OS-EC2",
    ],
    "OS-ENDPOINT-POLICY": [
      "endpoint_policy": "/endpoints/{endpoint_id}/OS-ENDPOINT-POLICY/policy",
      "endpoint_policy_association": "/policies/{policy_id}/OS-ENDPOINT-POLICY/endpoints/{endpoint_id}",
      "policy_endpoints": "/policies/{policy_id}/OS-ENDPOINT-POLICY/endpoints",
      "region_and_service_policy_association":
        "/policies/{policy_id}/OS-ENDPOINT-POLICY/services/{service_id}/regions/{region_id}",
      "service_policy_association": "/policies/{policy_id}/OS-ENDPOINT-POLICY/services/{service_id}",
    ],
    "OS-EP-FILTER": [
      "endpoint_group": "/OS-EP-FILTER/endpoint_groups/{endpoint_group_id}",
      "endpoint_group_to_project_association":
        "/OS-EP-FILTER/endpoint_groups/{endpoint_group_id}/projects/{project_id}",
      "endpoint_groups": "/OS-EP-FILTER/endpoint_groups",
      "endpoint_projects": "/OS-EP-FILTER/endpoints/{endpoint_id}/projects",
      "endpoints_in_endpoint_group": "/OS-EP-FILTER/endpoint_groups/{endpoint_group_id}/endpoints",
      "project_endpoint": "/OS-EP-FILTER/projects/{project_id}/endpoints/{endpoint_id}",
      "project_endpoint_groups": "/OS-EP-FILTER/projects/{project_id}/endpoint_groups",
      "project_endpoints": "/OS-EP-FILTER/projects/{project_id}/endpoints",
      "projects_associated_with_endpoint_group": "/OS-EP-FILTER/endpoint_groups/{endpoint_group_id}/projects",
    ],
    "OS-FEDERATION": [
      "domains": "/auth/domains",
      "ecp": "/auth/OS-FEDERATION/saml2/ecp",
      "identity_provider": "/OS-FEDERATION/identity_providers/{idp_id}",
      "identity_provider_protocol": "/OS-FEDERATION/identity_providers/{idp_id}/protocols/{protocol_id}",
      "identity_provider_protocol_auth": "/OS-FEDERATION/identity_providers/{idp_id}/protocols/{protocol_id}/auth",
      "identity_provider_protocols": "/OS-FEDERATION/identity_providers/{idp_id}/protocols",
      "identity_providers": "/OS-FEDERATION/identity_providers",
      "identity_providers_websso": "/auth/OS-FEDERATION/identity_providers/{idp_id}/protocols/{protocol_id}/websso",
      "mapping": "/OS-FEDERATION/mappings/{mapping_id}",
      "mappings": "/OS-FEDERATION/mappings",
      "metadata": "/OS-FEDERATION/saml2/metadata",
      "projects": "/auth/projects",
      "saml2": "/auth/OS-FEDERATION/saml2",
      "service_provider": "/OS-FEDERATION/service_providers/{service_provider_id}",
      "service_providers": "/OS-FEDERATION/service_providers",
      "websso": "/auth/OS-FEDERATION/websso/{protocol_id}",
    ],
    "OS-INHERIT": [
      "domain_group_role_inherited_to_projects":
        "/OS-INHERIT/domains/{domain_id}/groups/{group_id}/roles/{role_id}/inherited_to_projects",
      "domain_group_roles_inherited_to_projects":
        "/OS-INHERIT/domains/{domain_id}/groups/{group_id}/roles/inherited_to_projects",
      "domain_user_role_inherited_to_projects":
        "/OS-INHERIT/domains/{domain_id}/users/{user_id}/roles/{role_id}/inherited_to_projects",
      "domain_user_roles_inherited_to_projects":
        "/OS-INHERIT/domains/{domain_id}/users/{user_id}/roles/inherited_to_projects",
      "project_group_role_inherited_to_projects":
        "/OS-INHERIT/projects/{project_id}/groups/{group_id}/roles/{role_id}/inherited_to_projects",
      "project_user_role_inherited_to_projects":
        "/OS-INHERIT/projects/{project_id}/users/{user_id}/roles/{role_id}/inherited_to_projects",
    ],
    "OS-OAUTH1": [
      "access_tokens": "/OS-OAUTH1/access_token",
      "authorize_request_token": "/OS-OAUTH1/authorize/{request_token_id}",
      "consumer": "/OS-OAUTH1/consumers/{consumer_id}",
      "consumers": "/OS-OAUTH1/consumers",
      "request_tokens": "/OS-OAUTH1/request_token",
      "user_access_token": "/users/{user_id}/OS-OAUTH1/access_tokens/{access_token_id}",
      "user_access_token_role": "/users/{user_id}/OS-OAUTH1/access_tokens/{access_token_id}/roles/{role_id}",
      "user_access_token_roles": "/users/{user_id}/OS-OAUTH1/access_tokens/{access_token_id}/roles",
      "user_access_tokens": "/users/{user_id}/OS-OAUTH1/access_tokens",
    ],
    "OS-OAUTH2": [
      "token": "/OS-OAUTH2/token"
    ],
    "OS-PKI": [
      "revocations": "/auth/tokens/OS-PKI/revoked"
    ],
    "OS-REVOKE": [
      "events": "/OS-REVOKE/events"
    ],
    "OS-SIMPLE-CERT": [
      "ca_certificate": "/OS-SIMPLE-CERT/ca",
      "certificates": "/OS-SIMPLE-CERT/certificates",
    ],
    "OS-TRUST": [
      "trust": "/OS-TRUST/trusts/{trust_id}",
      "trust_role": "/OS-TRUST/trusts/{trust_id}/roles/{role_id}",
      "trust_roles": "/OS-TRUST/trusts/{trust_id}/roles",
      "trusts": "/OS-TRUST/trusts",
    ],
    "s3tokens": [
      "s3tokens": "/s3tokens"
    ],
    "": [
      "access_rule": "/users/{user_id}/access_rules/{access_rule_id}",
      "access_rules": "/users/{user_id}/access_rules",
      "application_credential": "/users/{user_id}/application_credentials/{application_credential_id}",
      "application_credentials": "/users/{user_id}/application_credentials",
      "auth_catalog": "/auth/catalog",
      "auth_domains": "/auth/domains",
      "auth_projects": "/auth/projects",
      "auth_system": "/auth/system",
      "auth_tokens": "/auth/tokens",
      "credential": "/credentials/{credential_id}",
      "credentials": "/credentials",
      "domain": "/domains/{domain_id}",
      "domain_config": "/domains/{domain_id}/config",
      "domain_config_default": "/domains/config/default",
      "domain_config_default_group": "/domains/config/{group}/default",
      "domain_config_default_option": "/domains/config/{group}/{option}/default",
      "domain_config_group": "/domains/{domain_id}/config/{group}",
      "domain_config_option": "/domains/{domain_id}/config/{group}/{option}",
      "domain_group_role": "/domains/{domain_id}/groups/{group_id}/roles/{role_id}",
      "domain_group_roles": "/domains/{domain_id}/groups/{group_id}/roles",
      "domain_user_role": "/domains/{domain_id}/users/{user_id}/roles/{role_id}",
      "domain_user_roles": "/domains/{domain_id}/users/{user_id}/roles",
      "domains": "/domains",
      "endpoint": "/endpoints/{endpoint_id}",
      "endpoints": "/endpoints",
      "group": "/groups/{group_id}",
      "group_user": "/groups/{group_id}/users/{user_id}",
      "group_users": "/groups/{group_id}/users",
      "groups": "/groups",
      "implied_role": "/roles/{prior_role_id}/implies/{implied_role_id}",
      "implied_roles": "/roles/{prior_role_id}/implies",
      "limit": "/limits/{limit_id}",
      "limit_model": "/limits/model",
      "limits": "/limits",
      "policies": "/policies",
      "policy": "/policies/{policy_id}",
      "project": "/projects/{project_id}",
      "project_group_role": "/projects/{project_id}/groups/{group_id}/roles/{role_id}",
      "project_group_roles": "/projects/{project_id}/groups/{group_id}/roles",
      "project_tags": "/projects/{project_id}/tags/{value}",
      "project_user_role": "/projects/{project_id}/users/{user_id}/roles/{role_id}",
      "project_user_roles": "/projects/{project_id}/users/{user_id}/roles",
      "projects": "/projects",
      "region": "/regions/{region_id}",
      "regions": "/regions",
      "registered_limit": "/registered_limits/{registered_limit_id}",
      "registered_limits": "/registered_limits",
      "role": "/roles/{role_id}",
      "role_assignments": "/role_assignments",
      "role_inferences": "/role_inferences",
      "roles": "/roles",
      "service": "/services/{service_id}",
      "services": "/services",
      "system_group_role": "/system/groups/{group_id}/roles/{role_id}",
      "system_group_roles": "/system/groups/{group_id}/roles",
      "system_user_role": "/system/users/{user_id}/roles/{role_id}",
      "system_user_roles": "/system/users/{user_id}/roles",
      "user": "/users/{user_id}",
      "user_change_password": "/users/{user_id}/password",
      "user_groups": "/users/{user_id}/groups",
      "user_projects": "/users/{user_id}/projects",
      "user_tokens": "/users/{user_id}/tokens",
      "users": "/users",
    ],
  ]

  /// Parameters that belong to an extension.
  static let parametersOfExtensions = [
    "endpoint_group_id": "OS-EP-FILTER", "idp_id": "OS-FEDERATION", "protocol_id": "OS-FEDERATION",
    "mapping_id": "OS-FEDERATION", "service_provider_id": "OS-FEDERATION", "request_token_id": "OS-OAUTH1",
    "consumer_id": "OS-OAUTH1", "access_token_id": "OS-OAUTH1", "trust_id": "OS-TRUST",
  ]

  /// Parameters that a relation calls otherwise than the path.
  static let parametersRenamed = [
    "group": "config_group", "option": "config_option", "value": "tag_value", "prior_role_id": "role_id",
    "implied_role_id": "role_id",
  ]

  /// Relations that Keystone calls experimental.
  static let experimental: Set<String> = ["limit", "limits", "limit_model", "registered_limit", "registered_limits"]
}
