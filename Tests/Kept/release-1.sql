-- A store of release 1 with three users, two networks, a router and two servers, as sqlite3 .dump wrote it.
CREATE TABLE cloud (
  one INTEGER PRIMARY KEY CHECK (one = 1), cloud_id TEXT NOT NULL, epoch INTEGER NOT NULL);
INSERT INTO cloud VALUES(1,'b8ea186e-d3bc-4876-bce3-77d291588e8a',1);
CREATE TABLE migration (room TEXT NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (room, number));
INSERT INTO migration VALUES('nodelink',1);
INSERT INTO migration VALUES('nodelink',2);
INSERT INTO migration VALUES('nodelink',3);
INSERT INTO migration VALUES('identity',1);
INSERT INTO migration VALUES('images',1);
INSERT INTO migration VALUES('placement',1);
INSERT INTO migration VALUES('networks',1);
INSERT INTO migration VALUES('converge',1);
INSERT INTO migration VALUES('compute',1);
INSERT INTO migration VALUES('compute',2);
INSERT INTO migration VALUES('explain',1);
CREATE TABLE changes (
  revision INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, object_id TEXT NOT NULL, at INTEGER NOT NULL);
INSERT INTO changes VALUES(1,'project','default',1795466775673301);
INSERT INTO changes VALUES(2,'project','0e0ad3a7dd0b4cb8ac0d5f35126bb580',1795466775674612);
INSERT INTO changes VALUES(3,'project','8042c1f948ef4294b2faf11ee5a4ea6e',1795466775674716);
INSERT INTO changes VALUES(4,'user','d4e0b2dec3774980a2d86dfea04bc708',1795466775674827);
INSERT INTO changes VALUES(5,'user','df353bc215d647f996d1d72b9dea4282',1795466775674930);
INSERT INTO changes VALUES(6,'network','1f18abeb-194d-4df1-af5d-17351d2ed5ab',1795466775700648);
INSERT INTO changes VALUES(7,'subnet','5be6ec4e-3a47-420d-8d49-8615874bcb78',1795466775700952);
INSERT INTO changes VALUES(8,'node','47b33f09-717a-4847-94d5-4c709be57938',1795466777419150);
INSERT INTO changes VALUES(9,'resource_provider','47b33f09-717a-4847-94d5-4c709be57938',1795466777419666);
INSERT INTO changes VALUES(10,'project','04909d522f384203a57a2907d45c2c2d',1795466806340106);
INSERT INTO changes VALUES(11,'user','12d31752f6d64fcc984f4fa33577d94f',1795466807280311);
INSERT INTO changes VALUES(12,'user','3c040bb4924f474aad4b371c29455a9a',1795466808244868);
INSERT INTO changes VALUES(13,'user','e7b046f945294ca2a9b5a41509e3b0c4',1795466809277864);
INSERT INTO changes VALUES(14,'image','c67fa6be-571c-4458-8f8e-75c646ffdc2c',1795466810195033);
INSERT INTO changes VALUES(15,'image','c67fa6be-571c-4458-8f8e-75c646ffdc2c',1795466810227011);
INSERT INTO changes VALUES(16,'image','c67fa6be-571c-4458-8f8e-75c646ffdc2c',1795466810324231);
INSERT INTO changes VALUES(17,'security_group','e55c28de-6972-4252-8fc1-03a607b29889',1795466810372090);
INSERT INTO changes VALUES(18,'security_group_rule','42fd8816-48c6-44a6-9f3d-4b428eca9454',1795466810372250);
INSERT INTO changes VALUES(19,'security_group_rule','9dee8bca-f479-4fd4-91ce-3cf8c93b3a5e',1795466810372312);
INSERT INTO changes VALUES(20,'security_group_rule','48bab407-90c2-4811-929f-c636107f194b',1795466810372343);
INSERT INTO changes VALUES(21,'security_group_rule','838b927d-aada-4738-bfd1-ab07bb93ea54',1795466810372370);
INSERT INTO changes VALUES(22,'network','619d394f-a7f6-4be3-b08c-2b61b4adf854',1795466810372473);
INSERT INTO changes VALUES(23,'subnet','ce584b62-8c72-41e0-88a6-aa2abbef704d',1795466810390502);
INSERT INTO changes VALUES(24,'port','e0339987-3041-4bcc-9cca-a8713ee2e129',1795466810391277);
INSERT INTO changes VALUES(25,'port','e0339987-3041-4bcc-9cca-a8713ee2e129',1795466810391481);
INSERT INTO changes VALUES(26,'network','06149622-5aaf-451b-9ae1-0be4c01ca8cf',1795466810416429);
INSERT INTO changes VALUES(27,'subnet','7d2a42b3-fce0-42d1-9c14-a9e15a72f164',1795466810439633);
INSERT INTO changes VALUES(28,'port','bf45ad4c-588a-4de0-a2a0-91ebf4c9d960',1795466810440108);
INSERT INTO changes VALUES(29,'port','bf45ad4c-588a-4de0-a2a0-91ebf4c9d960',1795466810440181);
INSERT INTO changes VALUES(30,'router','6d602bb1-2e18-442a-b0ce-0d66b9f14456',1795466810483147);
INSERT INTO changes VALUES(31,'port','b2c04bca-45f7-487c-960a-c32f9fd763fd',1795466810484054);
INSERT INTO changes VALUES(32,'router','6d602bb1-2e18-442a-b0ce-0d66b9f14456',1795466810484491);
INSERT INTO changes VALUES(33,'manifest','47b33f09-717a-4847-94d5-4c709be57938',1795466810485871);
INSERT INTO changes VALUES(34,'manifest','47b33f09-717a-4847-94d5-4c709be57938',1795466810486826);
INSERT INTO changes VALUES(35,'port','a9378a39-5bb1-4433-b022-22c47e50af36',1795466810531413);
INSERT INTO changes VALUES(36,'router','6d602bb1-2e18-442a-b0ce-0d66b9f14456',1795466810531527);
INSERT INTO changes VALUES(37,'manifest','47b33f09-717a-4847-94d5-4c709be57938',1795466810532118);
INSERT INTO changes VALUES(38,'manifest','47b33f09-717a-4847-94d5-4c709be57938',1795466810532999);
INSERT INTO changes VALUES(39,'security_group','8d661fac-50e3-40a5-820e-02e411629d76',1795466810593362);
INSERT INTO changes VALUES(40,'security_group_rule','afc02c61-0c2a-4a1c-81ce-d8100d17dadc',1795466810593435);
INSERT INTO changes VALUES(41,'security_group_rule','441a7b9e-bfe3-47e4-b2ab-bed715493ee4',1795466810593470);
INSERT INTO changes VALUES(42,'security_group_rule','d32ccd50-ba92-4944-8534-f0727d0dd1c3',1795466810656369);
INSERT INTO changes VALUES(43,'security_group','8d661fac-50e3-40a5-820e-02e411629d76',1795466810656473);
INSERT INTO changes VALUES(44,'resource_provider','47b33f09-717a-4847-94d5-4c709be57938',1795466810741126);
INSERT INTO changes VALUES(45,'server','ddadbde2-c703-4de5-9f54-428a182382fe',1795466810741450);
INSERT INTO changes VALUES(46,'port','282bfc89-dff6-405c-bcff-2158adffa0bf',1795466810742007);
INSERT INTO changes VALUES(47,'port','282bfc89-dff6-405c-bcff-2158adffa0bf',1795466810743311);
INSERT INTO changes VALUES(48,'manifest','47b33f09-717a-4847-94d5-4c709be57938',1795466810757017);
INSERT INTO changes VALUES(49,'manifest','47b33f09-717a-4847-94d5-4c709be57938',1795466810760510);
INSERT INTO changes VALUES(50,'manifest','47b33f09-717a-4847-94d5-4c709be57938',1795466810760901);
INSERT INTO changes VALUES(51,'server','ddadbde2-c703-4de5-9f54-428a182382fe',1795466810765108);
INSERT INTO changes VALUES(52,'manifest','47b33f09-717a-4847-94d5-4c709be57938',1795466810766835);
INSERT INTO changes VALUES(53,'port','bf45ad4c-588a-4de0-a2a0-91ebf4c9d960',1795466810793981);
INSERT INTO changes VALUES(54,'port','a9378a39-5bb1-4433-b022-22c47e50af36',1795466810794453);
INSERT INTO changes VALUES(55,'port','b2c04bca-45f7-487c-960a-c32f9fd763fd',1795466810794629);
INSERT INTO changes VALUES(56,'resource_provider','47b33f09-717a-4847-94d5-4c709be57938',1795466810845825);
INSERT INTO changes VALUES(57,'server','3f4bf071-7103-4b07-9cbe-3f357621d5fd',1795466810846067);
INSERT INTO changes VALUES(58,'port','9c89ed9f-4925-4501-afa6-e7d93e5ffffd',1795466810846779);
INSERT INTO changes VALUES(59,'port','9c89ed9f-4925-4501-afa6-e7d93e5ffffd',1795466810847190);
INSERT INTO changes VALUES(60,'manifest','47b33f09-717a-4847-94d5-4c709be57938',1795466810860573);
INSERT INTO changes VALUES(61,'manifest','47b33f09-717a-4847-94d5-4c709be57938',1795466810861293);
INSERT INTO changes VALUES(62,'server','3f4bf071-7103-4b07-9cbe-3f357621d5fd',1795466810862124);
INSERT INTO changes VALUES(63,'manifest','47b33f09-717a-4847-94d5-4c709be57938',1795466810863344);
INSERT INTO changes VALUES(64,'server','ddadbde2-c703-4de5-9f54-428a182382fe',1795466810896855);
INSERT INTO changes VALUES(65,'server','3f4bf071-7103-4b07-9cbe-3f357621d5fd',1795466810931923);
INSERT INTO changes VALUES(66,'resource_provider','47b33f09-717a-4847-94d5-4c709be57938',1795466810932533);
INSERT INTO changes VALUES(67,'server','22ade2b4-c094-4381-98d0-479e7d688d0f',1795466810932718);
INSERT INTO changes VALUES(68,'port','62609c88-0485-47f9-af97-6497845c3292',1795466810933201);
INSERT INTO changes VALUES(69,'port','62609c88-0485-47f9-af97-6497845c3292',1795466810933528);
INSERT INTO changes VALUES(70,'manifest','47b33f09-717a-4847-94d5-4c709be57938',1795466810933989);
INSERT INTO changes VALUES(71,'manifest','47b33f09-717a-4847-94d5-4c709be57938',1795466810934330);
INSERT INTO changes VALUES(72,'server','22ade2b4-c094-4381-98d0-479e7d688d0f',1795466810934800);
INSERT INTO changes VALUES(73,'manifest','47b33f09-717a-4847-94d5-4c709be57938',1795466810935567);
INSERT INTO changes VALUES(74,'port','282bfc89-dff6-405c-bcff-2158adffa0bf',1795466811011095);
INSERT INTO changes VALUES(75,'server','3f4bf071-7103-4b07-9cbe-3f357621d5fd',1795466811011243);
INSERT INTO changes VALUES(76,'server','ddadbde2-c703-4de5-9f54-428a182382fe',1795466811011304);
INSERT INTO changes VALUES(77,'port','f556cc3f-6367-43e5-a24a-778b41846080',1795466811023377);
INSERT INTO changes VALUES(78,'floating_ip','e336d483-72d1-409e-9930-b134eee3182c',1795466811023500);
INSERT INTO changes VALUES(79,'server','22ade2b4-c094-4381-98d0-479e7d688d0f',1795466811062967);
INSERT INTO changes VALUES(80,'port','9c89ed9f-4925-4501-afa6-e7d93e5ffffd',1795466811170476);
INSERT INTO changes VALUES(81,'server','ddadbde2-c703-4de5-9f54-428a182382fe',1795466811170622);
INSERT INTO changes VALUES(82,'server','3f4bf071-7103-4b07-9cbe-3f357621d5fd',1795466811180567);
INSERT INTO changes VALUES(83,'manifest','47b33f09-717a-4847-94d5-4c709be57938',1795466811181456);
INSERT INTO changes VALUES(84,'server','3f4bf071-7103-4b07-9cbe-3f357621d5fd',1795466811200379);
INSERT INTO changes VALUES(85,'server','22ade2b4-c094-4381-98d0-479e7d688d0f',1795466811259602);
INSERT INTO changes VALUES(86,'manifest','47b33f09-717a-4847-94d5-4c709be57938',1795466811274313);
INSERT INTO changes VALUES(87,'server','22ade2b4-c094-4381-98d0-479e7d688d0f',1795466811323327);
INSERT INTO changes VALUES(88,'port','62609c88-0485-47f9-af97-6497845c3292',1795466811341496);
INSERT INTO changes VALUES(89,'server','22ade2b4-c094-4381-98d0-479e7d688d0f',1795466811348103);
INSERT INTO changes VALUES(90,'server','3f4bf071-7103-4b07-9cbe-3f357621d5fd',1795466814265920);
INSERT INTO changes VALUES(91,'server','ddadbde2-c703-4de5-9f54-428a182382fe',1795466814808108);
INSERT INTO changes VALUES(92,'manifest','47b33f09-717a-4847-94d5-4c709be57938',1795466814809429);
INSERT INTO changes VALUES(93,'server','ddadbde2-c703-4de5-9f54-428a182382fe',1795466814853547);
INSERT INTO changes VALUES(94,'server','22ade2b4-c094-4381-98d0-479e7d688d0f',1795466815087870);
INSERT INTO changes VALUES(95,'manifest','47b33f09-717a-4847-94d5-4c709be57938',1795466815666259);
INSERT INTO changes VALUES(96,'server','22ade2b4-c094-4381-98d0-479e7d688d0f',1795466815666351);
INSERT INTO changes VALUES(97,'port','62609c88-0485-47f9-af97-6497845c3292',1795466817002999);
INSERT INTO changes VALUES(98,'manifest','47b33f09-717a-4847-94d5-4c709be57938',1795466817003917);
INSERT INTO changes VALUES(99,'manifest','47b33f09-717a-4847-94d5-4c709be57938',1795466817004354);
INSERT INTO changes VALUES(100,'resource_provider','47b33f09-717a-4847-94d5-4c709be57938',1795466817004576);
INSERT INTO changes VALUES(101,'server','22ade2b4-c094-4381-98d0-479e7d688d0f',1795466817004845);
CREATE TABLE manifest (
  node_id TEXT NOT NULL, kind TEXT NOT NULL, object_id TEXT NOT NULL, generation INTEGER NOT NULL,
  request_id TEXT, spec TEXT NOT NULL, tombstone INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (node_id, kind, object_id));
INSERT INTO manifest VALUES('47b33f09-717a-4847-94d5-4c709be57938','network','1f18abeb-194d-4df1-af5d-17351d2ed5ab',33,'req-441912c0-646c-484f-a984-53ef62228434','{"network":{"_0":{"external":true,"id":"1f18abeb-194d-4df1-af5d-17351d2ed5ab","mtu":1500,"projectID":"0e0ad3a7dd0b4cb8ac0d5f35126bb580","subnets":[{"cidr":"10.99.44.0/24","dnsNameservers":[],"enableDHCP":false,"gateway":"10.99.44.1","hostRoutes":[],"id":"5be6ec4e-3a47-420d-8d49-8615874bcb78"}]}}}',0);
INSERT INTO manifest VALUES('47b33f09-717a-4847-94d5-4c709be57938','router','6d602bb1-2e18-442a-b0ce-0d66b9f14456',38,'req-5618163b-f5e7-4595-9dd9-119b724aafcc','{"router":{"_0":{"adminStateUp":true,"floatingIPs":[],"gateway":{"addresses":["10.99.44.49/24"],"enableSNAT":true,"mac":"fa:16:3e:7e:3f:9b","mtu":1500,"networkID":"1f18abeb-194d-4df1-af5d-17351d2ed5ab","nexthops":["10.99.44.1"],"portID":"b2c04bca-45f7-487c-960a-c32f9fd763fd"},"id":"6d602bb1-2e18-442a-b0ce-0d66b9f14456","interfaces":[{"addresses":["10.72.0.1/24"],"advertised":[],"mac":"fa:16:3e:f0:bd:d4","mtu":1450,"networkID":"06149622-5aaf-451b-9ae1-0be4c01ca8cf","portID":"a9378a39-5bb1-4433-b022-22c47e50af36"}],"projectID":"8042c1f948ef4294b2faf11ee5a4ea6e","routes":[]}}}',0);
INSERT INTO manifest VALUES('47b33f09-717a-4847-94d5-4c709be57938','network','06149622-5aaf-451b-9ae1-0be4c01ca8cf',37,'req-5618163b-f5e7-4595-9dd9-119b724aafcc','{"network":{"_0":{"dhcpPort":{"addresses":["10.72.0.2/24"],"mac":"fa:16:3e:df:cc:5a","portID":"bf45ad4c-588a-4de0-a2a0-91ebf4c9d960"},"external":false,"id":"06149622-5aaf-451b-9ae1-0be4c01ca8cf","mtu":1450,"projectID":"8042c1f948ef4294b2faf11ee5a4ea6e","subnets":[{"cidr":"10.72.0.0/24","dnsNameservers":[],"enableDHCP":true,"gateway":"10.72.0.1","hostRoutes":[],"id":"7d2a42b3-fce0-42d1-9c14-a9e15a72f164"}]}}}',0);
INSERT INTO manifest VALUES('47b33f09-717a-4847-94d5-4c709be57938','address_set','e55c28de-6972-4252-8fc1-03a607b29889',98,'req-1736dea2-8595-4f68-a66c-b5fdf74d2ba5','{"addressSet":{"_0":{"addresses":["10.72.0.204","10.72.0.53"],"id":"e55c28de-6972-4252-8fc1-03a607b29889"}}}',0);
INSERT INTO manifest VALUES('47b33f09-717a-4847-94d5-4c709be57938','security_group','e55c28de-6972-4252-8fc1-03a607b29889',49,'req-da34d044-c7b3-4470-9e0f-c3e02c1aac77','{"securityGroup":{"_0":{"id":"e55c28de-6972-4252-8fc1-03a607b29889","rules":[{"direction":"egress","id":"42fd8816-48c6-44a6-9f3d-4b428eca9454","ipVersion":4},{"direction":"ingress","id":"48bab407-90c2-4811-929f-c636107f194b","ipVersion":4,"remoteGroupID":"e55c28de-6972-4252-8fc1-03a607b29889"},{"direction":"ingress","id":"838b927d-aada-4738-bfd1-ab07bb93ea54","ipVersion":6,"remoteGroupID":"e55c28de-6972-4252-8fc1-03a607b29889"},{"direction":"egress","id":"9dee8bca-f479-4fd4-91ce-3cf8c93b3a5e","ipVersion":6}],"stateful":true}}}',0);
INSERT INTO manifest VALUES('47b33f09-717a-4847-94d5-4c709be57938','port','282bfc89-dff6-405c-bcff-2158adffa0bf',50,'req-da34d044-c7b3-4470-9e0f-c3e02c1aac77','{"port":{"_0":{"adminStateUp":true,"allowedAddressPairs":[],"deviceID":"ddadbde2-c703-4de5-9f54-428a182382fe","extraDHCPOptions":[],"fixedIPs":[{"address":"10.72.0.53","subnetID":"7d2a42b3-fce0-42d1-9c14-a9e15a72f164"}],"hostname":"kept-server-1","id":"282bfc89-dff6-405c-bcff-2158adffa0bf","mac":"fa:16:3e:8b:72:a0","networkID":"06149622-5aaf-451b-9ae1-0be4c01ca8cf","portSecurityEnabled":true,"projectID":"8042c1f948ef4294b2faf11ee5a4ea6e","securityGroupIDs":["e55c28de-6972-4252-8fc1-03a607b29889"]}}}',0);
INSERT INTO manifest VALUES('47b33f09-717a-4847-94d5-4c709be57938','server','ddadbde2-c703-4de5-9f54-428a182382fe',92,'req-da34d044-c7b3-4470-9e0f-c3e02c1aac77','{"server":{"_0":{"bootEpoch":1,"configDrive":false,"id":"ddadbde2-c703-4de5-9f54-428a182382fe","memoryMiB":64,"metadata":{"ec2":{"ami-id":"ami-c67fa6be","ami-launch-index":"0","ami-manifest-path":"","block-device-mapping/ami":"vda","block-device-mapping/root":"/dev/vda","hostname":"kept-server-1","instance-action":"none","instance-id":"i-ddadbde2","instance-type":"kept.small","local-hostname":"kept-server-1","local-ipv4":"10.72.0.53","mac":"fa:16:3e:8b:72:a0","placement/availability-zone":"nova","public-hostname":"kept-server-1","public-ipv4":"","public-keys/0/openssh-key":"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM7vb5Yn0Iu9g0w3m5x8x6l1n3lYb3vYJ2m0q1ZkQ0P kept","reservation-id":"r-7dcf247b","security-groups":"default"},"metaData":"{\"uuid\":\"ddadbde2-c703-4de5-9f54-428a182382fe\",\"meta\":{\"n\":\"1\"},\"admin_pass\":\"HtRBVoHDtsTQ\",\"public_keys\":{\"kept-key\":\"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM7vb5Yn0Iu9g0w3m5x8x6l1n3lYb3vYJ2m0q1ZkQ0P kept\"},\"keys\":[{\"name\":\"kept-key\",\"type\":\"ssh\",\"data\":\"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM7vb5Yn0Iu9g0w3m5x8x6l1n3lYb3vYJ2m0q1ZkQ0P kept\"}],\"hostname\":\"kept-server-1\",\"name\":\"kept-server-1\",\"launch_index\":0,\"availability_zone\":\"nova\",\"random_seed\":\"ZOc1fiNc7i80z3VjGRdw0xH6iiMf1ApKQ9C4A/N43SDg44bSCDKIpeIbxPTIBMYfB53bzqGE3/5cmrFDyJ8T7ltYAjT7N+3DevwAnLEpIHxSxxGCgxUuCaRSWOk1wmXLAMpDTuWHoNOu1lXFNHcKywOIJHBB0nhomZmdgb8KfvEOjsF2koNNkcmNRAcp3nurr4MsBpUiaPYk1sjQySpUKx8P1X2UQgJqWHl7jTHe5DIvGCvtV7tmjIW16SldhuyBPrdhtNdbGpeXtnylv636aRJFOxnYbmKZG5xukoKTCIqntYbcmOhIM7iThVx6z7RONXlxLVPkBlI2gtFGcGqP2AvfNargBIWgeADJ0wNFdrhCr7Jh0NEmmeqvQLnEY9s1Be8VGMEdiHteYcEkD8ucEpcTysOK1XTQHw+hqzUkmYUdFkuTN8PcBdW7y/RWv4makPfq7VPdd9ggHyItSkeIyng0lEvL5sDgYIWIwLINTt6RPi13cNNfX+4rz19YGB+VlQ3vdfxSU9sp5j8586QFkkBwZXs2ZmGL8xSC3RZ36fswYWUDitMTMZM5KhLCu6f+MqjnyI546M2uqyMUKVpDF0mtmk5YnChwGPC5BMQsy+/H+v8KR++bNbHMPRnY94XQ7g78T3/nlo4behzLNAXRE6vXy9V07TxNxYT8wWuTrYM=\",\"project_id\":\"8042c1f948ef4294b2faf11ee5a4ea6e\",\"devices\":[],\"dedicated_cpus\":[]}","networkData":"{\"links\":[{\"id\":\"interface0\",\"vif_id\":\"282bfc89-dff6-405c-bcff-2158adffa0bf\",\"type\":\"bridge\",\"mtu\":1450,\"ethernet_mac_address\":\"fa:16:3e:8b:72:a0\"}],\"networks\":[{\"id\":\"network0\",\"link\":\"interface0\",\"network_id\":\"06149622-5aaf-451b-9ae1-0be4c01ca8cf\",\"type\":\"ipv4_dhcp\"}],\"services\":[]}","vendorData":"{}"},"name":"kept-server-1","nics":[{"mac":"fa:16:3e:8b:72:a0","mtu":1450,"networkID":"06149622-5aaf-451b-9ae1-0be4c01ca8cf","portID":"282bfc89-dff6-405c-bcff-2158adffa0bf","slot":3}],"power":"running","projectID":"8042c1f948ef4294b2faf11ee5a4ea6e","rootDisk":{"base":{"digest":"30e14955ebf1352266dc2ff8067e68104607e750abb9d3b36582b8af909fcb58","format":"raw","sizeBytes":1048576,"virtualSizeBytes":1048576},"id":"cc9a0f48-8d29-4fc8-aada-f26ad4c3053c","made":true,"sizeBytes":1073741824},"shutdownTimeoutSeconds":60,"vcpus":1}}}',0);
INSERT INTO manifest VALUES('47b33f09-717a-4847-94d5-4c709be57938','port','9c89ed9f-4925-4501-afa6-e7d93e5ffffd',61,'req-8751e650-6d9a-4ed0-9b38-92242ecb7a5e','{"port":{"_0":{"adminStateUp":true,"allowedAddressPairs":[],"deviceID":"3f4bf071-7103-4b07-9cbe-3f357621d5fd","extraDHCPOptions":[],"fixedIPs":[{"address":"10.72.0.204","subnetID":"7d2a42b3-fce0-42d1-9c14-a9e15a72f164"}],"hostname":"kept-server-2","id":"9c89ed9f-4925-4501-afa6-e7d93e5ffffd","mac":"fa:16:3e:3e:83:e3","networkID":"06149622-5aaf-451b-9ae1-0be4c01ca8cf","portSecurityEnabled":true,"projectID":"8042c1f948ef4294b2faf11ee5a4ea6e","securityGroupIDs":["e55c28de-6972-4252-8fc1-03a607b29889"]}}}',0);
INSERT INTO manifest VALUES('47b33f09-717a-4847-94d5-4c709be57938','server','3f4bf071-7103-4b07-9cbe-3f357621d5fd',83,'req-8751e650-6d9a-4ed0-9b38-92242ecb7a5e','{"server":{"_0":{"bootEpoch":1,"configDrive":false,"id":"3f4bf071-7103-4b07-9cbe-3f357621d5fd","memoryMiB":64,"metadata":{"ec2":{"ami-id":"ami-c67fa6be","ami-launch-index":"0","ami-manifest-path":"","block-device-mapping/ami":"vda","block-device-mapping/root":"/dev/vda","hostname":"kept-server-2","instance-action":"none","instance-id":"i-3f4bf071","instance-type":"kept.small","local-hostname":"kept-server-2","local-ipv4":"10.72.0.204","mac":"fa:16:3e:3e:83:e3","placement/availability-zone":"nova","public-hostname":"kept-server-2","public-ipv4":"","public-keys/0/openssh-key":"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM7vb5Yn0Iu9g0w3m5x8x6l1n3lYb3vYJ2m0q1ZkQ0P kept","reservation-id":"r-cf862100","security-groups":"default"},"metaData":"{\"uuid\":\"3f4bf071-7103-4b07-9cbe-3f357621d5fd\",\"meta\":{\"n\":\"2\"},\"admin_pass\":\"QYDQ2A63pjE3\",\"public_keys\":{\"kept-key\":\"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM7vb5Yn0Iu9g0w3m5x8x6l1n3lYb3vYJ2m0q1ZkQ0P kept\"},\"keys\":[{\"name\":\"kept-key\",\"type\":\"ssh\",\"data\":\"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM7vb5Yn0Iu9g0w3m5x8x6l1n3lYb3vYJ2m0q1ZkQ0P kept\"}],\"hostname\":\"kept-server-2\",\"name\":\"kept-server-2\",\"launch_index\":0,\"availability_zone\":\"nova\",\"random_seed\":\"m1duuchaLltOrt7SYV0TmhuptD81lZ/gZy82cOUs8Q+3rogyZ8HJm08NvHqW+azBli+Qf07mjGe3Ls2rUm7mSz2PP+GdhuK57kkGRQQm8Jyze2WkKsZQZJyCfymkKQ4F4sbTItrbmzG6C9Y7sgHu7Qg3uYLPie+67or22ImtDEZpTr5EucAzgeXDXIGEcZCgA0mO8UA24CLlKhC6/rznBUhAzlkHroRNVj6ijpZqIwXAqpC41sEAohIJhnp9447QXj5P6nT5tqBvlkAf7pE6ng5ZXCHv2VHptX4vn6KU0gnArzZ6riNGe424Yxs7DAREQQlEu9C+X8NGSROi0hXV4ppXImgnbwlXlnpv6xOJbB2LJF+mh9lBNI798w/igEKHNSzRnM/Yvs1D9UBysJ5Q+swLGK6k4wdSzQUibni7c+SsywiKm6TgiEIEUtv/pBRv9wxTWJXYqRp6KaayLUmh8rGRvKDJsfPCx71TMftSyFcxPGJW1UE53MX6xFeJtVvIIODM4DhXDENVITYsQcWSE2aLEkfRT1rhuELDrtlR9VdHqrTCBcmS/xE5PfniqWFtYa1CUYNRhElJxOyzBeL/1+tU5MLNCgDA327/8eFt8WjmqZg7SGz3jX64Ok10sbydIz//3XLWtDKBitiIWS8n5Nj/VKIQGCBjFv3jY3r4208=\",\"project_id\":\"8042c1f948ef4294b2faf11ee5a4ea6e\",\"devices\":[],\"dedicated_cpus\":[]}","networkData":"{\"links\":[{\"id\":\"interface0\",\"vif_id\":\"9c89ed9f-4925-4501-afa6-e7d93e5ffffd\",\"type\":\"bridge\",\"mtu\":1450,\"ethernet_mac_address\":\"fa:16:3e:3e:83:e3\"}],\"networks\":[{\"id\":\"network0\",\"link\":\"interface0\",\"network_id\":\"06149622-5aaf-451b-9ae1-0be4c01ca8cf\",\"type\":\"ipv4_dhcp\"}],\"services\":[]}","vendorData":"{}"},"name":"kept-server-2","nics":[{"mac":"fa:16:3e:3e:83:e3","mtu":1450,"networkID":"06149622-5aaf-451b-9ae1-0be4c01ca8cf","portID":"9c89ed9f-4925-4501-afa6-e7d93e5ffffd","slot":3}],"power":"running","projectID":"8042c1f948ef4294b2faf11ee5a4ea6e","rootDisk":{"base":{"digest":"30e14955ebf1352266dc2ff8067e68104607e750abb9d3b36582b8af909fcb58","format":"raw","sizeBytes":1048576,"virtualSizeBytes":1048576},"id":"3edbbe31-3fc3-40d0-9eaa-42fe99f7186a","made":true,"sizeBytes":1073741824},"shutdownTimeoutSeconds":60,"vcpus":1}}}',0);
CREATE TABLE node (
  node_id TEXT PRIMARY KEY, hostname TEXT NOT NULL, facts TEXT NOT NULL, up INTEGER NOT NULL,
  first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL);
INSERT INTO node VALUES('47b33f09-717a-4847-94d5-4c709be57938','vm','{"accelerator":"qemu","cpuModel":"AMD EPYC","diskFreeGiB":68,"diskGiB":251,"hostname":"vm","hypervisorVersion":7002022,"libvirtVersion":9000000,"memoryMiB":24105,"vcpus":2}',1,1795466777418751,1795466836746857);
CREATE TABLE step_event (
  number INTEGER PRIMARY KEY AUTOINCREMENT, node_id TEXT NOT NULL, kind TEXT NOT NULL,
  object_id TEXT NOT NULL, request_id TEXT, step TEXT NOT NULL, began INTEGER NOT NULL, ended INTEGER NOT NULL,
  error TEXT);
INSERT INTO step_event VALUES(1,'47b33f09-717a-4847-94d5-4c709be57938','network','1f18abeb-194d-4df1-af5d-17351d2ed5ab','req-441912c0-646c-484f-a984-53ef62228434','wire_network',1795466810502582,1795466810573845,NULL);
INSERT INTO step_event VALUES(2,'47b33f09-717a-4847-94d5-4c709be57938','network','06149622-5aaf-451b-9ae1-0be4c01ca8cf','req-5618163b-f5e7-4595-9dd9-119b724aafcc','wire_network',1795466810573898,1795466810746735,NULL);
INSERT INTO step_event VALUES(3,'47b33f09-717a-4847-94d5-4c709be57938','router','6d602bb1-2e18-442a-b0ce-0d66b9f14456','req-5618163b-f5e7-4595-9dd9-119b724aafcc','wire_router',1795466810573898,1795466810746749,NULL);
INSERT INTO step_event VALUES(4,'47b33f09-717a-4847-94d5-4c709be57938','address_set','e55c28de-6972-4252-8fc1-03a607b29889','req-da34d044-c7b3-4470-9e0f-c3e02c1aac77','wire_address_set',1795466810796424,1795466810807434,NULL);
INSERT INTO step_event VALUES(5,'47b33f09-717a-4847-94d5-4c709be57938','server','3f4bf071-7103-4b07-9cbe-3f357621d5fd','req-8751e650-6d9a-4ed0-9b38-92242ecb7a5e','fetch_image',1795466810818229,1795466810958185,NULL);
INSERT INTO step_event VALUES(6,'47b33f09-717a-4847-94d5-4c709be57938','server','ddadbde2-c703-4de5-9f54-428a182382fe','req-da34d044-c7b3-4470-9e0f-c3e02c1aac77','fetch_image',1795466810818229,1795466810958196,NULL);
INSERT INTO step_event VALUES(7,'47b33f09-717a-4847-94d5-4c709be57938','port','282bfc89-dff6-405c-bcff-2158adffa0bf','req-da34d044-c7b3-4470-9e0f-c3e02c1aac77','wire_port',1795466810807501,1795466810971470,NULL);
INSERT INTO step_event VALUES(8,'47b33f09-717a-4847-94d5-4c709be57938','security_group','e55c28de-6972-4252-8fc1-03a607b29889','req-da34d044-c7b3-4470-9e0f-c3e02c1aac77','wire_security_group',1795466810807501,1795466810971482,NULL);
INSERT INTO step_event VALUES(9,'47b33f09-717a-4847-94d5-4c709be57938','server','3f4bf071-7103-4b07-9cbe-3f357621d5fd','req-8751e650-6d9a-4ed0-9b38-92242ecb7a5e','make_disk',1795466810959627,1795466811087824,NULL);
INSERT INTO step_event VALUES(10,'47b33f09-717a-4847-94d5-4c709be57938','server','ddadbde2-c703-4de5-9f54-428a182382fe','req-da34d044-c7b3-4470-9e0f-c3e02c1aac77','make_disk',1795466810976865,1795466811135820,NULL);
INSERT INTO step_event VALUES(11,'47b33f09-717a-4847-94d5-4c709be57938','server','3f4bf071-7103-4b07-9cbe-3f357621d5fd','req-8751e650-6d9a-4ed0-9b38-92242ecb7a5e','define_domain',1795466811124036,1795466811145701,NULL);
INSERT INTO step_event VALUES(12,'47b33f09-717a-4847-94d5-4c709be57938','server','ddadbde2-c703-4de5-9f54-428a182382fe','req-da34d044-c7b3-4470-9e0f-c3e02c1aac77','define_domain',1795466811137196,1795466811161347,NULL);
INSERT INTO step_event VALUES(13,'47b33f09-717a-4847-94d5-4c709be57938','server','22ade2b4-c094-4381-98d0-479e7d688d0f','req-c5c21602-9072-480f-8c60-53f775686fa5','make_disk',1795466811042384,1795466811163706,NULL);
INSERT INTO step_event VALUES(14,'47b33f09-717a-4847-94d5-4c709be57938','port','9c89ed9f-4925-4501-afa6-e7d93e5ffffd','req-8751e650-6d9a-4ed0-9b38-92242ecb7a5e','wire_port',1795466810971538,1795466811164897,NULL);
INSERT INTO step_event VALUES(15,'47b33f09-717a-4847-94d5-4c709be57938','server','3f4bf071-7103-4b07-9cbe-3f357621d5fd','req-8751e650-6d9a-4ed0-9b38-92242ecb7a5e','make_disk',1795466811188286,1795466811188877,NULL);
INSERT INTO step_event VALUES(16,'47b33f09-717a-4847-94d5-4c709be57938','server','22ade2b4-c094-4381-98d0-479e7d688d0f','req-c5c21602-9072-480f-8c60-53f775686fa5','define_domain',1795466811164174,1795466811249049,NULL);
INSERT INTO step_event VALUES(17,'47b33f09-717a-4847-94d5-4c709be57938','server','22ade2b4-c094-4381-98d0-479e7d688d0f','req-c5c21602-9072-480f-8c60-53f775686fa5','make_disk',1795466811268441,1795466811268645,NULL);
INSERT INTO step_event VALUES(18,'47b33f09-717a-4847-94d5-4c709be57938','server','22ade2b4-c094-4381-98d0-479e7d688d0f','req-c5c21602-9072-480f-8c60-53f775686fa5','make_disk',1795466811294281,1795466811294475,NULL);
INSERT INTO step_event VALUES(19,'47b33f09-717a-4847-94d5-4c709be57938','port','62609c88-0485-47f9-af97-6497845c3292','req-c5c21602-9072-480f-8c60-53f775686fa5','wire_port',1795466811165043,1795466811337293,NULL);
INSERT INTO step_event VALUES(20,'47b33f09-717a-4847-94d5-4c709be57938','address_set','e55c28de-6972-4252-8fc1-03a607b29889','req-c5c21602-9072-480f-8c60-53f775686fa5','wire_address_set',1795466811165043,1795466811337351,NULL);
INSERT INTO step_event VALUES(21,'47b33f09-717a-4847-94d5-4c709be57938','server','22ade2b4-c094-4381-98d0-479e7d688d0f','req-c5c21602-9072-480f-8c60-53f775686fa5','make_disk',1795466811344420,1795466811344681,NULL);
INSERT INTO step_event VALUES(22,'47b33f09-717a-4847-94d5-4c709be57938','server','3f4bf071-7103-4b07-9cbe-3f357621d5fd','req-8751e650-6d9a-4ed0-9b38-92242ecb7a5e','start_domain',1795466811189106,1795466814252812,NULL);
INSERT INTO step_event VALUES(23,'47b33f09-717a-4847-94d5-4c709be57938','server','ddadbde2-c703-4de5-9f54-428a182382fe','req-da34d044-c7b3-4470-9e0f-c3e02c1aac77','start_domain',1795466811161421,1795466814800348,NULL);
INSERT INTO step_event VALUES(24,'47b33f09-717a-4847-94d5-4c709be57938','server','22ade2b4-c094-4381-98d0-479e7d688d0f','req-c5c21602-9072-480f-8c60-53f775686fa5','start_domain',1795466811344821,1795466815065018,NULL);
INSERT INTO step_event VALUES(25,'47b33f09-717a-4847-94d5-4c709be57938','server','22ade2b4-c094-4381-98d0-479e7d688d0f','req-1736dea2-8595-4f68-a66c-b5fdf74d2ba5','destroy_domain',1795466815679936,1795466816964889,NULL);
INSERT INTO step_event VALUES(26,'47b33f09-717a-4847-94d5-4c709be57938','server','22ade2b4-c094-4381-98d0-479e7d688d0f','req-1736dea2-8595-4f68-a66c-b5fdf74d2ba5','undefine_domain',1795466816964902,1795466816973511,NULL);
INSERT INTO step_event VALUES(27,'47b33f09-717a-4847-94d5-4c709be57938','server','22ade2b4-c094-4381-98d0-479e7d688d0f','req-1736dea2-8595-4f68-a66c-b5fdf74d2ba5','remove_disks',1795466816973516,1795466816974645,NULL);
INSERT INTO step_event VALUES(28,'47b33f09-717a-4847-94d5-4c709be57938','address_set','e55c28de-6972-4252-8fc1-03a607b29889','req-1736dea2-8595-4f68-a66c-b5fdf74d2ba5','wire_address_set',1795466817027833,1795466817526735,NULL);
INSERT INTO step_event VALUES(29,'47b33f09-717a-4847-94d5-4c709be57938','port','62609c88-0485-47f9-af97-6497845c3292','req-1736dea2-8595-4f68-a66c-b5fdf74d2ba5','remove_port',1795466817526829,1795466817864732,NULL);
CREATE TABLE drift (
  number INTEGER PRIMARY KEY AUTOINCREMENT, node_id TEXT NOT NULL, subject TEXT NOT NULL, field TEXT NOT NULL,
  kind TEXT, object_id TEXT, asked TEXT NOT NULL, found TEXT NOT NULL, done TEXT NOT NULL,
  since INTEGER NOT NULL, again INTEGER NOT NULL, settled INTEGER, times INTEGER NOT NULL);
CREATE TABLE drift_unkept (node_id TEXT PRIMARY KEY, count INTEGER NOT NULL);
CREATE TABLE identity_project (
  id TEXT PRIMARY KEY, name TEXT NOT NULL,
  domain_id TEXT REFERENCES identity_project (id) ON DELETE CASCADE,
  parent_id TEXT REFERENCES identity_project (id) ON DELETE CASCADE,
  is_domain INTEGER NOT NULL, enabled INTEGER NOT NULL, description TEXT NOT NULL,
  token_generation INTEGER NOT NULL DEFAULT 0, options TEXT NOT NULL, extra TEXT NOT NULL);
INSERT INTO identity_project VALUES('default','Default',NULL,NULL,1,1,'The default domain',0,'{}','{}');
INSERT INTO identity_project VALUES('0e0ad3a7dd0b4cb8ac0d5f35126bb580','admin','default','default',0,1,'',0,'{}','{}');
INSERT INTO identity_project VALUES('8042c1f948ef4294b2faf11ee5a4ea6e','demo','default','default',0,1,'',0,'{}','{}');
INSERT INTO identity_project VALUES('04909d522f384203a57a2907d45c2c2d','kept-project','default','default',0,1,'of release 1',0,'{}','{}');
CREATE TABLE identity_project_tag (
  project_id TEXT NOT NULL REFERENCES identity_project (id) ON DELETE CASCADE, tag TEXT NOT NULL,
  PRIMARY KEY (project_id, tag));
CREATE TABLE identity_user (
  id TEXT PRIMARY KEY, domain_id TEXT NOT NULL REFERENCES identity_project (id) ON DELETE CASCADE,
  name TEXT NOT NULL, enabled INTEGER NOT NULL, default_project_id TEXT, password_hash TEXT,
  token_generation INTEGER NOT NULL DEFAULT 0, failed_logins INTEGER NOT NULL DEFAULT 0, last_failed_at INTEGER,
  options TEXT NOT NULL, extra TEXT NOT NULL, UNIQUE (domain_id, name));
INSERT INTO identity_user VALUES('d4e0b2dec3774980a2d86dfea04bc708','default','admin',1,NULL,'$scrypt$ln=14,r=8,p=1$grNGVoCJo9rDVanSwdOskw$gwgy1YO2g1Kkcot93hf4SEb8pANo7LVKdfpJ-v0vGiI',0,0,NULL,'{}','{}');
INSERT INTO identity_user VALUES('df353bc215d647f996d1d72b9dea4282','default','demo',1,NULL,'$scrypt$ln=14,r=8,p=1$3nCdwTs6QD67Ii9309NANg$_fWKTn9E3-t4Jx0BAOAtpUwxOI8qm46JAF_80h7Oedg',0,0,NULL,'{}','{}');
INSERT INTO identity_user VALUES('12d31752f6d64fcc984f4fa33577d94f','default','anna',1,'04909d522f384203a57a2907d45c2c2d','$scrypt$ln=14,r=8,p=1$sEaHnKb9e79v5C7_Q9Whew$NgWYqfB2xt_NXIP2XL8_y-Ep0pfTelwYFAq83qCoEHs',0,0,NULL,'{}','{}');
INSERT INTO identity_user VALUES('3c040bb4924f474aad4b371c29455a9a','default','ben',1,'04909d522f384203a57a2907d45c2c2d','$scrypt$ln=14,r=8,p=1$HZjY9GRlRwGdTOUkAVLiAw$HiWqq6WE4mPnDnc7v2k0_qtF-3x-JS3hzf7lckM7WCw',0,0,NULL,'{}','{}');
INSERT INTO identity_user VALUES('e7b046f945294ca2a9b5a41509e3b0c4','default','carla',1,'04909d522f384203a57a2907d45c2c2d','$scrypt$ln=14,r=8,p=1$xySAQyOipwTlWtxw492zjg$anDaNiOPtozXV_sztO2oFwWVqecoFhz60GQ0M5r42iM',0,0,NULL,'{}','{}');
CREATE TABLE identity_group (
  id TEXT PRIMARY KEY, domain_id TEXT NOT NULL REFERENCES identity_project (id) ON DELETE CASCADE,
  name TEXT NOT NULL, description TEXT NOT NULL, extra TEXT NOT NULL, UNIQUE (domain_id, name));
INSERT INTO identity_group VALUES('767fbf7c664844afb0255b45553543ee','default','kept-group','','{}');
CREATE TABLE identity_group_member (
  group_id TEXT NOT NULL REFERENCES identity_group (id) ON DELETE CASCADE,
  user_id TEXT NOT NULL REFERENCES identity_user (id) ON DELETE CASCADE, PRIMARY KEY (group_id, user_id));
INSERT INTO identity_group_member VALUES('767fbf7c664844afb0255b45553543ee','12d31752f6d64fcc984f4fa33577d94f');
INSERT INTO identity_group_member VALUES('767fbf7c664844afb0255b45553543ee','3c040bb4924f474aad4b371c29455a9a');
INSERT INTO identity_group_member VALUES('767fbf7c664844afb0255b45553543ee','e7b046f945294ca2a9b5a41509e3b0c4');
CREATE TABLE identity_role (
  id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, description TEXT, options TEXT NOT NULL, extra TEXT NOT NULL);
INSERT INTO identity_role VALUES('e93217e0e3ca44afabf98ce42b73272a','reader',NULL,'{"immutable":true}','{}');
INSERT INTO identity_role VALUES('fca485004e41457f9baefbcb04d7c778','member',NULL,'{"immutable":true}','{}');
INSERT INTO identity_role VALUES('c43387f1d25a4dfbaaba3381aed1a74e','manager',NULL,'{"immutable":true}','{}');
INSERT INTO identity_role VALUES('98328b6677384a5a8d060e56bb0a440f','admin',NULL,'{"immutable":true}','{}');
INSERT INTO identity_role VALUES('5f047b9394cc4048af19c14d807fd5ae','service',NULL,'{"immutable":true}','{}');
CREATE TABLE identity_role_inference (
  prior_role_id TEXT NOT NULL REFERENCES identity_role (id) ON DELETE CASCADE,
  implied_role_id TEXT NOT NULL REFERENCES identity_role (id) ON DELETE CASCADE,
  PRIMARY KEY (prior_role_id, implied_role_id));
INSERT INTO identity_role_inference VALUES('fca485004e41457f9baefbcb04d7c778','e93217e0e3ca44afabf98ce42b73272a');
INSERT INTO identity_role_inference VALUES('c43387f1d25a4dfbaaba3381aed1a74e','fca485004e41457f9baefbcb04d7c778');
INSERT INTO identity_role_inference VALUES('98328b6677384a5a8d060e56bb0a440f','c43387f1d25a4dfbaaba3381aed1a74e');
CREATE TABLE identity_role_assignment (
  role_id TEXT NOT NULL REFERENCES identity_role (id) ON DELETE CASCADE,
  user_id TEXT REFERENCES identity_user (id) ON DELETE CASCADE,
  group_id TEXT REFERENCES identity_group (id) ON DELETE CASCADE,
  project_id TEXT REFERENCES identity_project (id) ON DELETE CASCADE,
  CHECK ((user_id IS NULL) <> (group_id IS NULL)));
INSERT INTO identity_role_assignment VALUES('98328b6677384a5a8d060e56bb0a440f','d4e0b2dec3774980a2d86dfea04bc708',NULL,'0e0ad3a7dd0b4cb8ac0d5f35126bb580');
INSERT INTO identity_role_assignment VALUES('98328b6677384a5a8d060e56bb0a440f','d4e0b2dec3774980a2d86dfea04bc708',NULL,'default');
INSERT INTO identity_role_assignment VALUES('98328b6677384a5a8d060e56bb0a440f','d4e0b2dec3774980a2d86dfea04bc708',NULL,NULL);
INSERT INTO identity_role_assignment VALUES('fca485004e41457f9baefbcb04d7c778','df353bc215d647f996d1d72b9dea4282',NULL,'8042c1f948ef4294b2faf11ee5a4ea6e');
INSERT INTO identity_role_assignment VALUES('fca485004e41457f9baefbcb04d7c778','12d31752f6d64fcc984f4fa33577d94f',NULL,'04909d522f384203a57a2907d45c2c2d');
INSERT INTO identity_role_assignment VALUES('fca485004e41457f9baefbcb04d7c778','3c040bb4924f474aad4b371c29455a9a',NULL,'04909d522f384203a57a2907d45c2c2d');
INSERT INTO identity_role_assignment VALUES('fca485004e41457f9baefbcb04d7c778','e7b046f945294ca2a9b5a41509e3b0c4',NULL,'04909d522f384203a57a2907d45c2c2d');
CREATE TABLE identity_application_credential (
  id TEXT PRIMARY KEY, user_id TEXT NOT NULL REFERENCES identity_user (id) ON DELETE CASCADE, name TEXT NOT NULL,
  project_id TEXT NOT NULL REFERENCES identity_project (id) ON DELETE CASCADE, secret_hash TEXT NOT NULL,
  description TEXT, expires_at INTEGER, unrestricted INTEGER NOT NULL, UNIQUE (user_id, name));
CREATE TABLE identity_application_credential_role (
  credential_id TEXT NOT NULL REFERENCES identity_application_credential (id) ON DELETE CASCADE,
  role_id TEXT NOT NULL REFERENCES identity_role (id) ON DELETE CASCADE, PRIMARY KEY (credential_id, role_id));
CREATE TABLE identity_revocation (
  audit_id TEXT PRIMARY KEY, descendants INTEGER NOT NULL, expires_at INTEGER NOT NULL);
CREATE TABLE identity_login_tally (id INTEGER PRIMARY KEY, refused INTEGER NOT NULL);
INSERT INTO identity_login_tally VALUES(1,0);
CREATE TABLE identity_region (
  id TEXT PRIMARY KEY, parent_region_id TEXT REFERENCES identity_region (id), description TEXT NOT NULL,
  extra TEXT NOT NULL);
INSERT INTO identity_region VALUES('RegionOne',NULL,'','{}');
CREATE TABLE identity_service (
  id TEXT PRIMARY KEY, type TEXT NOT NULL, name TEXT NOT NULL, description TEXT NOT NULL,
  enabled INTEGER NOT NULL, extra TEXT NOT NULL);
INSERT INTO identity_service VALUES('3643990400a14be291d9f04f58495d59','identity','keystone','',1,'{}');
INSERT INTO identity_service VALUES('6818b00c9ff74be180afe6b85308b92f','image','glance','',1,'{}');
INSERT INTO identity_service VALUES('986605f3e01f4f1781b93c8df2b14baa','compute','nova','',1,'{}');
INSERT INTO identity_service VALUES('f79288d23e7c45c7ab502fb54a815f3f','network','neutron','',1,'{}');
INSERT INTO identity_service VALUES('96a41a8ec36847e29e4fb480d06b1612','placement','placement','',1,'{}');
CREATE TABLE identity_endpoint (
  id TEXT PRIMARY KEY, service_id TEXT NOT NULL REFERENCES identity_service (id) ON DELETE CASCADE,
  region_id TEXT REFERENCES identity_region (id), interface TEXT NOT NULL, url TEXT NOT NULL,
  enabled INTEGER NOT NULL, extra TEXT NOT NULL);
INSERT INTO identity_endpoint VALUES('b1e349d4258042c1aa387086f2af59fe','3643990400a14be291d9f04f58495d59','RegionOne','public','$(base)s/identity',1,'{}');
INSERT INTO identity_endpoint VALUES('77a7e1d50a724b608330226cf4dc43bb','3643990400a14be291d9f04f58495d59','RegionOne','internal','$(base)s/identity',1,'{}');
INSERT INTO identity_endpoint VALUES('a2d6ebe4b3694439b20840ba55f48ece','3643990400a14be291d9f04f58495d59','RegionOne','admin','$(base)s/identity',1,'{}');
INSERT INTO identity_endpoint VALUES('3682678a99cb4cf5adfdb525f8ed98c5','6818b00c9ff74be180afe6b85308b92f','RegionOne','public','$(base)s/image',1,'{}');
INSERT INTO identity_endpoint VALUES('da34f2ffdbad48d9a77addcaed6227b7','6818b00c9ff74be180afe6b85308b92f','RegionOne','internal','$(base)s/image',1,'{}');
INSERT INTO identity_endpoint VALUES('0c18fbe8b93b4c9fa4192af9075950ce','6818b00c9ff74be180afe6b85308b92f','RegionOne','admin','$(base)s/image',1,'{}');
INSERT INTO identity_endpoint VALUES('b91704d5910744aaa3ea756b50541891','986605f3e01f4f1781b93c8df2b14baa','RegionOne','public','$(base)s/compute/v2.1',1,'{}');
INSERT INTO identity_endpoint VALUES('475a80054efc4533af94fb0aefb42a12','986605f3e01f4f1781b93c8df2b14baa','RegionOne','internal','$(base)s/compute/v2.1',1,'{}');
INSERT INTO identity_endpoint VALUES('e21223608f9645bcbfce7d88386d5445','986605f3e01f4f1781b93c8df2b14baa','RegionOne','admin','$(base)s/compute/v2.1',1,'{}');
INSERT INTO identity_endpoint VALUES('12a223a2a2024d47aa15f08c747e5e71','f79288d23e7c45c7ab502fb54a815f3f','RegionOne','public','$(base)s/network',1,'{}');
INSERT INTO identity_endpoint VALUES('df9a494d27a94bf18dbfc6cb9d757da9','f79288d23e7c45c7ab502fb54a815f3f','RegionOne','internal','$(base)s/network',1,'{}');
INSERT INTO identity_endpoint VALUES('c30563fa00c54099b6b89f1905da144c','f79288d23e7c45c7ab502fb54a815f3f','RegionOne','admin','$(base)s/network',1,'{}');
INSERT INTO identity_endpoint VALUES('45261d455d6047128779d6da76261490','96a41a8ec36847e29e4fb480d06b1612','RegionOne','public','$(base)s/placement',1,'{}');
INSERT INTO identity_endpoint VALUES('55a8848671ef44d0a553de68db21b1bb','96a41a8ec36847e29e4fb480d06b1612','RegionOne','internal','$(base)s/placement',1,'{}');
INSERT INTO identity_endpoint VALUES('4689c61b28704d15b212a704b9624899','96a41a8ec36847e29e4fb480d06b1612','RegionOne','admin','$(base)s/placement',1,'{}');
CREATE TABLE blob (
  digest TEXT PRIMARY KEY, file TEXT NOT NULL UNIQUE, size INTEGER NOT NULL, md5 TEXT NOT NULL,
  sha512 TEXT NOT NULL, format TEXT NOT NULL, virtual_size INTEGER NOT NULL);
INSERT INTO blob VALUES('30e14955ebf1352266dc2ff8067e68104607e750abb9d3b36582b8af909fcb58','f79b6ffe-dbed-44ef-be44-fc722e8d2d0c',1048576,'b6d81b360a5672d80c27430f39153e2c','d6292685b380e338e025b3415a90fe8f9d39a46e7bdba8cb78c50a338cefca741f69e4e46411c32de1afdedfb268e579a51f81ff85e56f55b0ee7c33fe8c25c9','raw',1048576);
CREATE TABLE blob_pin (
  digest TEXT NOT NULL REFERENCES blob (digest), holder TEXT NOT NULL, PRIMARY KEY (digest, holder));
INSERT INTO blob_pin VALUES('30e14955ebf1352266dc2ff8067e68104607e750abb9d3b36582b8af909fcb58','server/ddadbde2-c703-4de5-9f54-428a182382fe');
INSERT INTO blob_pin VALUES('30e14955ebf1352266dc2ff8067e68104607e750abb9d3b36582b8af909fcb58','server/3f4bf071-7103-4b07-9cbe-3f357621d5fd');
CREATE TABLE image (
  id TEXT PRIMARY KEY, name TEXT, owner TEXT NOT NULL, status TEXT NOT NULL, visibility TEXT NOT NULL,
  disk_format TEXT, container_format TEXT, min_disk INTEGER NOT NULL, min_ram INTEGER NOT NULL,
  protected INTEGER NOT NULL, os_hidden INTEGER NOT NULL, digest TEXT REFERENCES blob (digest),
  upload_id TEXT, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL);
INSERT INTO image VALUES('c67fa6be-571c-4458-8f8e-75c646ffdc2c','kept-image','8042c1f948ef4294b2faf11ee5a4ea6e','active','shared','raw','bare',0,0,0,0,'30e14955ebf1352266dc2ff8067e68104607e750abb9d3b36582b8af909fcb58',NULL,1795466810194372,1795466810324164);
CREATE TABLE image_property (
  image_id TEXT NOT NULL REFERENCES image (id) ON DELETE CASCADE, name TEXT NOT NULL, value TEXT NOT NULL,
  PRIMARY KEY (image_id, name));
INSERT INTO image_property VALUES('c67fa6be-571c-4458-8f8e-75c646ffdc2c','owner_specified.openstack.object','images/kept-image');
INSERT INTO image_property VALUES('c67fa6be-571c-4458-8f8e-75c646ffdc2c','owner_specified.openstack.sha256','');
INSERT INTO image_property VALUES('c67fa6be-571c-4458-8f8e-75c646ffdc2c','owner_specified.openstack.md5','');
INSERT INTO image_property VALUES('c67fa6be-571c-4458-8f8e-75c646ffdc2c','kept','yes');
CREATE TABLE image_tag (
  image_id TEXT NOT NULL REFERENCES image (id) ON DELETE CASCADE, tag TEXT NOT NULL,
  PRIMARY KEY (image_id, tag));
INSERT INTO image_tag VALUES('c67fa6be-571c-4458-8f8e-75c646ffdc2c','one');
CREATE TABLE image_member (
  image_id TEXT NOT NULL REFERENCES image (id) ON DELETE CASCADE, member_id TEXT NOT NULL,
  status TEXT NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
  PRIMARY KEY (image_id, member_id));
CREATE TABLE image_retired (id TEXT PRIMARY KEY, deleted_at INTEGER NOT NULL);
CREATE TABLE resource_provider (
  uuid TEXT PRIMARY KEY, name TEXT NOT NULL, generation INTEGER NOT NULL, enabled INTEGER NOT NULL,
  created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL);
INSERT INTO resource_provider VALUES('47b33f09-717a-4847-94d5-4c709be57938','vm',5,1,1795466777419203,1795466817004396);
CREATE TABLE resource_provider_seen (
  provider TEXT PRIMARY KEY REFERENCES resource_provider (uuid) ON DELETE CASCADE, at INTEGER NOT NULL);
INSERT INTO resource_provider_seen VALUES('47b33f09-717a-4847-94d5-4c709be57938',1795466836747031);
CREATE TABLE inventory (
  provider TEXT NOT NULL REFERENCES resource_provider (uuid) ON DELETE CASCADE, class TEXT NOT NULL,
  total INTEGER NOT NULL, reserved INTEGER NOT NULL, allocation_ratio DOUBLE PRECISION NOT NULL,
  PRIMARY KEY (provider, class));
INSERT INTO inventory VALUES('47b33f09-717a-4847-94d5-4c709be57938','DISK_GB',251,0,1.0);
INSERT INTO inventory VALUES('47b33f09-717a-4847-94d5-4c709be57938','VCPU',2,0,4.0);
INSERT INTO inventory VALUES('47b33f09-717a-4847-94d5-4c709be57938','MEMORY_MB',24105,512,1.0);
CREATE TABLE consumer (
  uuid TEXT PRIMARY KEY, project_id TEXT NOT NULL, user_id TEXT NOT NULL, generation INTEGER NOT NULL,
  created_at INTEGER NOT NULL);
INSERT INTO consumer VALUES('ddadbde2-c703-4de5-9f54-428a182382fe','8042c1f948ef4294b2faf11ee5a4ea6e','df353bc215d647f996d1d72b9dea4282',1,1795466810740659);
INSERT INTO consumer VALUES('3f4bf071-7103-4b07-9cbe-3f357621d5fd','8042c1f948ef4294b2faf11ee5a4ea6e','df353bc215d647f996d1d72b9dea4282',1,1795466810845544);
CREATE TABLE allocation (
  consumer TEXT NOT NULL REFERENCES consumer (uuid) ON DELETE CASCADE,
  provider TEXT NOT NULL REFERENCES resource_provider (uuid), class TEXT NOT NULL, used INTEGER NOT NULL,
  PRIMARY KEY (consumer, provider, class));
INSERT INTO allocation VALUES('ddadbde2-c703-4de5-9f54-428a182382fe','47b33f09-717a-4847-94d5-4c709be57938','VCPU',1);
INSERT INTO allocation VALUES('ddadbde2-c703-4de5-9f54-428a182382fe','47b33f09-717a-4847-94d5-4c709be57938','DISK_GB',1);
INSERT INTO allocation VALUES('ddadbde2-c703-4de5-9f54-428a182382fe','47b33f09-717a-4847-94d5-4c709be57938','MEMORY_MB',64);
INSERT INTO allocation VALUES('3f4bf071-7103-4b07-9cbe-3f357621d5fd','47b33f09-717a-4847-94d5-4c709be57938','MEMORY_MB',64);
INSERT INTO allocation VALUES('3f4bf071-7103-4b07-9cbe-3f357621d5fd','47b33f09-717a-4847-94d5-4c709be57938','DISK_GB',1);
INSERT INTO allocation VALUES('3f4bf071-7103-4b07-9cbe-3f357621d5fd','47b33f09-717a-4847-94d5-4c709be57938','VCPU',1);
CREATE TABLE network (
  id TEXT NOT NULL PRIMARY KEY, project_id TEXT NOT NULL, name TEXT NOT NULL, description TEXT NOT NULL,
revision_number INTEGER NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, admin_state_up INTEGER NOT NULL, shared INTEGER NOT NULL, external INTEGER NOT NULL,
  mtu INTEGER NOT NULL, port_security_enabled INTEGER NOT NULL, is_default INTEGER NOT NULL,
  segmentation_id INTEGER NOT NULL UNIQUE, availability_zone_hints TEXT NOT NULL);
INSERT INTO network VALUES('1f18abeb-194d-4df1-af5d-17351d2ed5ab','0e0ad3a7dd0b4cb8ac0d5f35126bb580','public','',0,1795466775700393,1795466775700393,1,0,1,1500,1,1,12780387,'[]');
INSERT INTO network VALUES('619d394f-a7f6-4be3-b08c-2b61b4adf854','8042c1f948ef4294b2faf11ee5a4ea6e','kept-net-1','',0,1795466810372377,1795466810372377,1,0,0,1450,1,0,5996983,'[]');
INSERT INTO network VALUES('06149622-5aaf-451b-9ae1-0be4c01ca8cf','8042c1f948ef4294b2faf11ee5a4ea6e','kept-net-2','',0,1795466810416321,1795466810416321,1,0,0,1450,1,0,7588253,'[]');
CREATE TABLE subnet (
  id TEXT NOT NULL PRIMARY KEY, project_id TEXT NOT NULL, name TEXT NOT NULL, description TEXT NOT NULL,
revision_number INTEGER NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, network_id TEXT NOT NULL REFERENCES network (id), ip_version INTEGER NOT NULL,
  cidr TEXT NOT NULL, gateway_ip TEXT, enable_dhcp INTEGER NOT NULL, ipv6_ra_mode TEXT,
  ipv6_address_mode TEXT, allocation_pools TEXT NOT NULL, dns_nameservers TEXT NOT NULL,
  host_routes TEXT NOT NULL);
INSERT INTO subnet VALUES('5be6ec4e-3a47-420d-8d49-8615874bcb78','0e0ad3a7dd0b4cb8ac0d5f35126bb580','public-subnet','',0,1795466775700685,1795466775700685,'1f18abeb-194d-4df1-af5d-17351d2ed5ab',4,'10.99.44.0/24','10.99.44.1',0,NULL,NULL,'[{"end":"10.99.44.254","start":"10.99.44.10"}]','[]','[]');
INSERT INTO subnet VALUES('ce584b62-8c72-41e0-88a6-aa2abbef704d','8042c1f948ef4294b2faf11ee5a4ea6e','kept-subnet-1','',0,1795466810390146,1795466810390146,'619d394f-a7f6-4be3-b08c-2b61b4adf854',4,'10.71.0.0/24','10.71.0.1',1,NULL,NULL,'[{"end":"10.71.0.254","start":"10.71.0.2"}]','[]','[]');
INSERT INTO subnet VALUES('7d2a42b3-fce0-42d1-9c14-a9e15a72f164','8042c1f948ef4294b2faf11ee5a4ea6e','kept-subnet-2','',0,1795466810439494,1795466810439494,'06149622-5aaf-451b-9ae1-0be4c01ca8cf',4,'10.72.0.0/24','10.72.0.1',1,NULL,NULL,'[{"end":"10.72.0.254","start":"10.72.0.2"}]','[]','[]');
CREATE TABLE port (
  id TEXT NOT NULL PRIMARY KEY, project_id TEXT NOT NULL, name TEXT NOT NULL, description TEXT NOT NULL,
revision_number INTEGER NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, network_id TEXT NOT NULL REFERENCES network (id), mac_address TEXT NOT NULL,
  admin_state_up INTEGER NOT NULL, device_id TEXT NOT NULL, device_owner TEXT NOT NULL,
  port_security_enabled INTEGER NOT NULL, address_pairs TEXT NOT NULL, dhcp_options TEXT NOT NULL,
  dns_name TEXT NOT NULL, hostname TEXT NOT NULL, server_id TEXT,
  node_id TEXT, host TEXT NOT NULL, vnic_type TEXT NOT NULL,
  binding_profile TEXT NOT NULL, ready INTEGER NOT NULL, card_position INTEGER NOT NULL, card_tag TEXT,
  made_for_server INTEGER NOT NULL, status TEXT NOT NULL, UNIQUE (network_id, mac_address));
INSERT INTO port VALUES('e0339987-3041-4bcc-9cca-a8713ee2e129','8042c1f948ef4294b2faf11ee5a4ea6e','','',1,1795466810391016,1795466810391446,'619d394f-a7f6-4be3-b08c-2b61b4adf854','fa:16:3e:7e:6b:da',1,'dhcp-619d394f-a7f6-4be3-b08c-2b61b4adf854','network:dhcp',0,'[]','[]','','',NULL,NULL,'','normal','{}',0,0,NULL,0,'DOWN');
INSERT INTO port VALUES('bf45ad4c-588a-4de0-a2a0-91ebf4c9d960','8042c1f948ef4294b2faf11ee5a4ea6e','','',1,1795466810439993,1795466810440172,'06149622-5aaf-451b-9ae1-0be4c01ca8cf','fa:16:3e:df:cc:5a',1,'dhcp-06149622-5aaf-451b-9ae1-0be4c01ca8cf','network:dhcp',0,'[]','[]','','',NULL,NULL,'','normal','{}',1,0,NULL,0,'ACTIVE');
INSERT INTO port VALUES('b2c04bca-45f7-487c-960a-c32f9fd763fd','','','',0,1795466810483697,1795466810483697,'1f18abeb-194d-4df1-af5d-17351d2ed5ab','fa:16:3e:7e:3f:9b',1,'6d602bb1-2e18-442a-b0ce-0d66b9f14456','network:router_gateway',0,'[]','[]','','',NULL,NULL,'','normal','{}',1,0,NULL,0,'ACTIVE');
INSERT INTO port VALUES('a9378a39-5bb1-4433-b022-22c47e50af36','8042c1f948ef4294b2faf11ee5a4ea6e','','',0,1795466810531242,1795466810531242,'06149622-5aaf-451b-9ae1-0be4c01ca8cf','fa:16:3e:f0:bd:d4',1,'6d602bb1-2e18-442a-b0ce-0d66b9f14456','network:router_interface',0,'[]','[]','','',NULL,NULL,'','normal','{}',1,0,NULL,0,'ACTIVE');
INSERT INTO port VALUES('282bfc89-dff6-405c-bcff-2158adffa0bf','8042c1f948ef4294b2faf11ee5a4ea6e','','',1,1795466810741757,1795466810742951,'06149622-5aaf-451b-9ae1-0be4c01ca8cf','fa:16:3e:8b:72:a0',1,'ddadbde2-c703-4de5-9f54-428a182382fe','compute:nova',1,'[]','[]','','kept-server-1','ddadbde2-c703-4de5-9f54-428a182382fe','47b33f09-717a-4847-94d5-4c709be57938','vm','normal','{}',1,0,NULL,1,'ACTIVE');
INSERT INTO port VALUES('9c89ed9f-4925-4501-afa6-e7d93e5ffffd','8042c1f948ef4294b2faf11ee5a4ea6e','','',1,1795466810846437,1795466810846893,'06149622-5aaf-451b-9ae1-0be4c01ca8cf','fa:16:3e:3e:83:e3',1,'3f4bf071-7103-4b07-9cbe-3f357621d5fd','compute:nova',1,'[]','[]','','kept-server-2','3f4bf071-7103-4b07-9cbe-3f357621d5fd','47b33f09-717a-4847-94d5-4c709be57938','vm','normal','{}',1,0,NULL,1,'ACTIVE');
INSERT INTO port VALUES('f556cc3f-6367-43e5-a24a-778b41846080','','','',0,1795466811023171,1795466811023171,'1f18abeb-194d-4df1-af5d-17351d2ed5ab','fa:16:3e:6a:61:02',1,'e336d483-72d1-409e-9930-b134eee3182c','network:floatingip',0,'[]','[]','','',NULL,NULL,'','normal','{}',0,0,NULL,0,'N/A');
CREATE TABLE port_address (
  network_id TEXT NOT NULL, address TEXT NOT NULL, subnet_id TEXT NOT NULL REFERENCES subnet (id),
  port_id TEXT NOT NULL REFERENCES port (id) ON DELETE CASCADE, position INTEGER NOT NULL,
  PRIMARY KEY (network_id, address));
INSERT INTO port_address VALUES('619d394f-a7f6-4be3-b08c-2b61b4adf854','10.71.0.2','ce584b62-8c72-41e0-88a6-aa2abbef704d','e0339987-3041-4bcc-9cca-a8713ee2e129',0);
INSERT INTO port_address VALUES('06149622-5aaf-451b-9ae1-0be4c01ca8cf','10.72.0.2','7d2a42b3-fce0-42d1-9c14-a9e15a72f164','bf45ad4c-588a-4de0-a2a0-91ebf4c9d960',0);
INSERT INTO port_address VALUES('1f18abeb-194d-4df1-af5d-17351d2ed5ab','10.99.44.49','5be6ec4e-3a47-420d-8d49-8615874bcb78','b2c04bca-45f7-487c-960a-c32f9fd763fd',0);
INSERT INTO port_address VALUES('06149622-5aaf-451b-9ae1-0be4c01ca8cf','10.72.0.1','7d2a42b3-fce0-42d1-9c14-a9e15a72f164','a9378a39-5bb1-4433-b022-22c47e50af36',0);
INSERT INTO port_address VALUES('06149622-5aaf-451b-9ae1-0be4c01ca8cf','10.72.0.53','7d2a42b3-fce0-42d1-9c14-a9e15a72f164','282bfc89-dff6-405c-bcff-2158adffa0bf',0);
INSERT INTO port_address VALUES('06149622-5aaf-451b-9ae1-0be4c01ca8cf','10.72.0.204','7d2a42b3-fce0-42d1-9c14-a9e15a72f164','9c89ed9f-4925-4501-afa6-e7d93e5ffffd',0);
INSERT INTO port_address VALUES('1f18abeb-194d-4df1-af5d-17351d2ed5ab','10.99.44.162','5be6ec4e-3a47-420d-8d49-8615874bcb78','f556cc3f-6367-43e5-a24a-778b41846080',0);
CREATE TABLE security_group (id TEXT NOT NULL PRIMARY KEY, project_id TEXT NOT NULL, name TEXT NOT NULL, description TEXT NOT NULL,
revision_number INTEGER NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, stateful INTEGER NOT NULL, is_default INTEGER NOT NULL);
INSERT INTO security_group VALUES('e55c28de-6972-4252-8fc1-03a607b29889','8042c1f948ef4294b2faf11ee5a4ea6e','default','Default security group',0,1795466810371959,1795466810371959,1,1);
INSERT INTO security_group VALUES('8d661fac-50e3-40a5-820e-02e411629d76','8042c1f948ef4294b2faf11ee5a4ea6e','kept-group','',1,1795466810593279,1795466810656431,1,0);
CREATE TABLE security_group_rule (
  id TEXT NOT NULL PRIMARY KEY, project_id TEXT NOT NULL, name TEXT NOT NULL, description TEXT NOT NULL,
revision_number INTEGER NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, group_id TEXT NOT NULL REFERENCES security_group (id) ON DELETE CASCADE,
  direction TEXT NOT NULL, ethertype TEXT NOT NULL, protocol TEXT, port_min INTEGER, port_max INTEGER,
  remote_prefix TEXT, remote_group_id TEXT REFERENCES security_group (id) ON DELETE CASCADE);
INSERT INTO security_group_rule VALUES('42fd8816-48c6-44a6-9f3d-4b428eca9454','8042c1f948ef4294b2faf11ee5a4ea6e','','',0,1795466810372129,1795466810372129,'e55c28de-6972-4252-8fc1-03a607b29889','egress','IPv4',NULL,NULL,NULL,NULL,NULL);
INSERT INTO security_group_rule VALUES('9dee8bca-f479-4fd4-91ce-3cf8c93b3a5e','8042c1f948ef4294b2faf11ee5a4ea6e','','',0,1795466810372285,1795466810372285,'e55c28de-6972-4252-8fc1-03a607b29889','egress','IPv6',NULL,NULL,NULL,NULL,NULL);
INSERT INTO security_group_rule VALUES('48bab407-90c2-4811-929f-c636107f194b','8042c1f948ef4294b2faf11ee5a4ea6e','','',0,1795466810372321,1795466810372321,'e55c28de-6972-4252-8fc1-03a607b29889','ingress','IPv4',NULL,NULL,NULL,NULL,'e55c28de-6972-4252-8fc1-03a607b29889');
INSERT INTO security_group_rule VALUES('838b927d-aada-4738-bfd1-ab07bb93ea54','8042c1f948ef4294b2faf11ee5a4ea6e','','',0,1795466810372349,1795466810372349,'e55c28de-6972-4252-8fc1-03a607b29889','ingress','IPv6',NULL,NULL,NULL,NULL,'e55c28de-6972-4252-8fc1-03a607b29889');
INSERT INTO security_group_rule VALUES('afc02c61-0c2a-4a1c-81ce-d8100d17dadc','8042c1f948ef4294b2faf11ee5a4ea6e','','',0,1795466810593390,1795466810593390,'8d661fac-50e3-40a5-820e-02e411629d76','egress','IPv4',NULL,NULL,NULL,NULL,NULL);
INSERT INTO security_group_rule VALUES('441a7b9e-bfe3-47e4-b2ab-bed715493ee4','8042c1f948ef4294b2faf11ee5a4ea6e','','',0,1795466810593448,1795466810593448,'8d661fac-50e3-40a5-820e-02e411629d76','egress','IPv6',NULL,NULL,NULL,NULL,NULL);
INSERT INTO security_group_rule VALUES('d32ccd50-ba92-4944-8534-f0727d0dd1c3','8042c1f948ef4294b2faf11ee5a4ea6e','','',0,1795466810656200,1795466810656200,'8d661fac-50e3-40a5-820e-02e411629d76','ingress','IPv4','tcp',22,22,NULL,NULL);
CREATE TABLE port_security_group (
  port_id TEXT NOT NULL REFERENCES port (id) ON DELETE CASCADE,
  group_id TEXT NOT NULL REFERENCES security_group (id), PRIMARY KEY (port_id, group_id));
INSERT INTO port_security_group VALUES('282bfc89-dff6-405c-bcff-2158adffa0bf','e55c28de-6972-4252-8fc1-03a607b29889');
INSERT INTO port_security_group VALUES('9c89ed9f-4925-4501-afa6-e7d93e5ffffd','e55c28de-6972-4252-8fc1-03a607b29889');
CREATE TABLE router (
  id TEXT NOT NULL PRIMARY KEY, project_id TEXT NOT NULL, name TEXT NOT NULL, description TEXT NOT NULL,
revision_number INTEGER NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, admin_state_up INTEGER NOT NULL, enable_snat INTEGER NOT NULL, routes TEXT NOT NULL,
  availability_zone_hints TEXT NOT NULL, gateway_port_id TEXT REFERENCES port (id));
INSERT INTO router VALUES('6d602bb1-2e18-442a-b0ce-0d66b9f14456','8042c1f948ef4294b2faf11ee5a4ea6e','kept-router','',1,1795466810482987,1795466810531501,1,1,'[]','[]','b2c04bca-45f7-487c-960a-c32f9fd763fd');
CREATE TABLE router_host (
  router_id TEXT NOT NULL REFERENCES router (id) ON DELETE CASCADE, position INTEGER NOT NULL,
  node_id TEXT NOT NULL, PRIMARY KEY (router_id, position));
INSERT INTO router_host VALUES('6d602bb1-2e18-442a-b0ce-0d66b9f14456',0,'47b33f09-717a-4847-94d5-4c709be57938');
CREATE TABLE floating_ip (
  id TEXT NOT NULL PRIMARY KEY, project_id TEXT NOT NULL, name TEXT NOT NULL, description TEXT NOT NULL,
revision_number INTEGER NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, external_network_id TEXT NOT NULL REFERENCES network (id),
  external_port_id TEXT NOT NULL REFERENCES port (id), address TEXT NOT NULL,
  port_id TEXT REFERENCES port (id), fixed_address TEXT, router_id TEXT REFERENCES router (id),
  UNIQUE (port_id, fixed_address));
INSERT INTO floating_ip VALUES('e336d483-72d1-409e-9930-b134eee3182c','8042c1f948ef4294b2faf11ee5a4ea6e','','',0,1795466811022844,1795466811022844,'1f18abeb-194d-4df1-af5d-17351d2ed5ab','f556cc3f-6367-43e5-a24a-778b41846080','10.99.44.162',NULL,NULL,NULL);
CREATE TABLE network_tag (resource_id TEXT NOT NULL, tag TEXT NOT NULL, PRIMARY KEY (resource_id, tag));
CREATE TABLE network_quota (
  project_id TEXT NOT NULL, resource TEXT NOT NULL, quota INTEGER NOT NULL, PRIMARY KEY (project_id, resource));
CREATE TABLE network_agent (
  node_id TEXT NOT NULL PRIMARY KEY, hostname TEXT NOT NULL, created_at INTEGER NOT NULL,
  last_seen INTEGER NOT NULL);
INSERT INTO network_agent VALUES('47b33f09-717a-4847-94d5-4c709be57938','vm',1795466777419831,1795466836747048);
CREATE TABLE saga (
  id TEXT PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT NULL, request_id TEXT NOT NULL, user_id TEXT,
  state TEXT NOT NULL, step INTEGER NOT NULL, input TEXT NOT NULL, began INTEGER NOT NULL,
  elapsed_ms INTEGER NOT NULL, attempts INTEGER NOT NULL, retry_at_ms INTEGER NOT NULL, waiting_for TEXT,
  error TEXT);
CREATE TABLE flavor (
  id TEXT PRIMARY KEY, number INTEGER NOT NULL, name TEXT NOT NULL UNIQUE, vcpus INTEGER NOT NULL,
  memory_mib INTEGER NOT NULL, disk_gib INTEGER NOT NULL, ephemeral_gib INTEGER NOT NULL,
  swap_mib INTEGER NOT NULL, rxtx_factor REAL NOT NULL, is_public INTEGER NOT NULL, description TEXT,
  created_at INTEGER NOT NULL);
INSERT INTO flavor VALUES('42',1,'m1.nano',1,128,1,0,0,1.0,1,NULL,1795466775692529);
INSERT INTO flavor VALUES('84',2,'m1.micro',1,192,1,0,0,1.0,1,NULL,1795466775692531);
INSERT INTO flavor VALUES('1',3,'m1.tiny',1,512,1,0,0,1.0,1,NULL,1795466775692531);
INSERT INTO flavor VALUES('2',4,'m1.small',1,2048,20,0,0,1.0,1,NULL,1795466775692531);
INSERT INTO flavor VALUES('3',5,'m1.medium',2,4096,40,0,0,1.0,1,NULL,1795466775692532);
INSERT INTO flavor VALUES('4',6,'m1.large',4,8192,80,0,0,1.0,1,NULL,1795466775692532);
INSERT INTO flavor VALUES('5',7,'m1.xlarge',8,16384,160,0,0,1.0,1,NULL,1795466775692532);
INSERT INTO flavor VALUES('78a32ead-d787-4113-86be-771f67ab8880',8,'kept.small',1,64,1,0,0,1.0,1,NULL,1795466809400829);
CREATE TABLE flavor_extra_spec (
  flavor_id TEXT NOT NULL REFERENCES flavor (id) ON DELETE CASCADE, name TEXT NOT NULL, value TEXT NOT NULL,
  PRIMARY KEY (flavor_id, name));
CREATE TABLE flavor_access (
  flavor_id TEXT NOT NULL REFERENCES flavor (id) ON DELETE CASCADE, project_id TEXT NOT NULL,
  PRIMARY KEY (flavor_id, project_id));
CREATE TABLE keypair (
  user_id TEXT NOT NULL, name TEXT NOT NULL, number INTEGER NOT NULL, type TEXT NOT NULL,
  public_key TEXT NOT NULL, fingerprint TEXT NOT NULL, created_at INTEGER NOT NULL, PRIMARY KEY (user_id, name));
INSERT INTO keypair VALUES('df353bc215d647f996d1d72b9dea4282','kept-key',1,'ssh','ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM7vb5Yn0Iu9g0w3m5x8x6l1n3lYb3vYJ2m0q1ZkQ0P kept','21:76:d4:9e:d7:cd:01:ab:6a:7f:29:c8:21:17:dc:d2',1795466810699898);
CREATE TABLE compute_quota (
  project_id TEXT NOT NULL, resource TEXT NOT NULL, hard_limit INTEGER NOT NULL,
  PRIMARY KEY (project_id, resource));
CREATE TABLE server (
  id TEXT PRIMARY KEY, project_id TEXT NOT NULL, user_id TEXT NOT NULL, name TEXT NOT NULL, description TEXT,
  hostname TEXT NOT NULL, flavor_id TEXT NOT NULL, flavor_name TEXT NOT NULL, vcpus INTEGER NOT NULL,
  memory_mib INTEGER NOT NULL, disk_gib INTEGER NOT NULL, ephemeral_gib INTEGER NOT NULL,
  swap_mib INTEGER NOT NULL, extra_specs TEXT NOT NULL, image_id TEXT NOT NULL, root_disk_id TEXT NOT NULL,
  root_disk_bytes INTEGER NOT NULL, base_digest TEXT NOT NULL, base_format TEXT NOT NULL,
  base_bytes INTEGER NOT NULL, base_virtual_bytes INTEGER NOT NULL, root_disk_made INTEGER NOT NULL,
  key_name TEXT, key_type TEXT, key_data TEXT, user_data TEXT, config_drive INTEGER NOT NULL, pinned_zone TEXT,
  scheduler_hints TEXT NOT NULL, disk_config TEXT NOT NULL, access_ipv4 TEXT, access_ipv6 TEXT,
  reservation_id TEXT NOT NULL, launch_index INTEGER NOT NULL, metadata TEXT NOT NULL, tags TEXT NOT NULL,
  locked_by TEXT, locked_reason TEXT, node_id TEXT, host TEXT, seed TEXT NOT NULL, admin_pass TEXT,
  asked_power TEXT NOT NULL, boot_epoch INTEGER NOT NULL, operation_id TEXT, deleting INTEGER NOT NULL,
  action TEXT, action_request_id TEXT, action_began INTEGER, action_before TEXT,
  seen_power TEXT, seen_boot_epoch INTEGER, seen_step TEXT,
  condition_type TEXT, condition_message TEXT, condition_since INTEGER, condition_attempts INTEGER,
  error_kind TEXT, fault_code INTEGER, fault_message TEXT, fault_created INTEGER,
  created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, launched_at INTEGER,
  vm_state TEXT NOT NULL, task_state TEXT, power_state INTEGER NOT NULL, status TEXT NOT NULL, action_elapsed_ms INTEGER NOT NULL DEFAULT 0, seen_generation INTEGER, seen_ports TEXT, fault_details TEXT);
INSERT INTO server VALUES('ddadbde2-c703-4de5-9f54-428a182382fe','8042c1f948ef4294b2faf11ee5a4ea6e','df353bc215d647f996d1d72b9dea4282','kept-server-1',NULL,'kept-server-1','78a32ead-d787-4113-86be-771f67ab8880','kept.small',1,64,1,0,0,'{}','c67fa6be-571c-4458-8f8e-75c646ffdc2c','cc9a0f48-8d29-4fc8-aada-f26ad4c3053c',1073741824,'30e14955ebf1352266dc2ff8067e68104607e750abb9d3b36582b8af909fcb58','raw',1048576,1048576,1,'kept-key','ssh','ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM7vb5Yn0Iu9g0w3m5x8x6l1n3lYb3vYJ2m0q1ZkQ0P kept',NULL,0,NULL,'{}','MANUAL',NULL,NULL,'r-7dcf247b',0,'{"n":"1"}','[]',NULL,NULL,'47b33f09-717a-4847-94d5-4c709be57938','vm','043a15d3bed64af7af7cca64d74841950eec9524dd9b4ca1a6ba44ef6ca62fba','HtRBVoHDtsTQ','running',1,NULL,0,NULL,NULL,NULL,NULL,'running',1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1795466810740585,1795466814853486,1795466814808039,'active',NULL,1,'ACTIVE',0,92,'282bfc89-dff6-405c-bcff-2158adffa0bf',NULL);
INSERT INTO server VALUES('3f4bf071-7103-4b07-9cbe-3f357621d5fd','8042c1f948ef4294b2faf11ee5a4ea6e','df353bc215d647f996d1d72b9dea4282','kept-server-2',NULL,'kept-server-2','78a32ead-d787-4113-86be-771f67ab8880','kept.small',1,64,1,0,0,'{}','c67fa6be-571c-4458-8f8e-75c646ffdc2c','3edbbe31-3fc3-40d0-9eaa-42fe99f7186a',1073741824,'30e14955ebf1352266dc2ff8067e68104607e750abb9d3b36582b8af909fcb58','raw',1048576,1048576,1,'kept-key','ssh','ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM7vb5Yn0Iu9g0w3m5x8x6l1n3lYb3vYJ2m0q1ZkQ0P kept',NULL,0,NULL,'{}','MANUAL',NULL,NULL,'r-cf862100',0,'{"n":"2"}','[]',NULL,NULL,'47b33f09-717a-4847-94d5-4c709be57938','vm','8efc7128fc834b358a49f97735bae7840a05998bcf8f43df9ca3ba640acc7954','QYDQ2A63pjE3','running',1,NULL,0,NULL,NULL,NULL,NULL,'running',1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1795466810845460,1795466814265863,1795466814265845,'active',NULL,1,'ACTIVE',0,83,'9c89ed9f-4925-4501-afa6-e7d93e5ffffd',NULL);
CREATE TABLE server_tag (
  server_id TEXT NOT NULL REFERENCES server (id) ON DELETE CASCADE, tag TEXT NOT NULL,
  PRIMARY KEY (server_id, tag));
CREATE TABLE server_card (
  server_id TEXT NOT NULL REFERENCES server (id) ON DELETE CASCADE, port_id TEXT NOT NULL,
  slot INTEGER NOT NULL, detaching INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (server_id, port_id));
INSERT INTO server_card VALUES('ddadbde2-c703-4de5-9f54-428a182382fe','282bfc89-dff6-405c-bcff-2158adffa0bf',3,0);
INSERT INTO server_card VALUES('3f4bf071-7103-4b07-9cbe-3f357621d5fd','9c89ed9f-4925-4501-afa6-e7d93e5ffffd',3,0);
CREATE TABLE instance_action (
  server_id TEXT NOT NULL, request_id TEXT NOT NULL, action TEXT NOT NULL, project_id TEXT NOT NULL,
  user_id TEXT, host TEXT, message TEXT, started_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
  finished_at INTEGER, result TEXT, details TEXT, PRIMARY KEY (server_id, request_id));
INSERT INTO instance_action VALUES('ddadbde2-c703-4de5-9f54-428a182382fe','req-da34d044-c7b3-4470-9e0f-c3e02c1aac77','create','8042c1f948ef4294b2faf11ee5a4ea6e','df353bc215d647f996d1d72b9dea4282','vm',NULL,1795466810764870,1795466814808008,1795466814808008,'Success',NULL);
INSERT INTO instance_action VALUES('3f4bf071-7103-4b07-9cbe-3f357621d5fd','req-8751e650-6d9a-4ed0-9b38-92242ecb7a5e','create','8042c1f948ef4294b2faf11ee5a4ea6e','df353bc215d647f996d1d72b9dea4282','vm',NULL,1795466810861921,1795466814265733,1795466814265733,'Success',NULL);
INSERT INTO instance_action VALUES('22ade2b4-c094-4381-98d0-479e7d688d0f','req-c5c21602-9072-480f-8c60-53f775686fa5','create','8042c1f948ef4294b2faf11ee5a4ea6e','df353bc215d647f996d1d72b9dea4282','vm',NULL,1795466810934640,1795466815087680,1795466815087680,'Success',NULL);
INSERT INTO instance_action VALUES('22ade2b4-c094-4381-98d0-479e7d688d0f','req-1736dea2-8595-4f68-a66c-b5fdf74d2ba5','delete','8042c1f948ef4294b2faf11ee5a4ea6e','df353bc215d647f996d1d72b9dea4282','vm',NULL,1795466815666188,1795466817004664,1795466817004664,'Success',NULL);
CREATE TABLE compute_host (
  node_id TEXT PRIMARY KEY, number INTEGER NOT NULL, hostname TEXT NOT NULL, hypervisor_version INTEGER NOT NULL,
  cpu_model TEXT NOT NULL, accelerator TEXT NOT NULL, disk_free_gib INTEGER NOT NULL, disabled INTEGER NOT NULL,
  disabled_reason TEXT, forced_down INTEGER NOT NULL, seen_at INTEGER NOT NULL, updated_at INTEGER NOT NULL);
INSERT INTO compute_host VALUES('47b33f09-717a-4847-94d5-4c709be57938',1,'vm',7002022,'AMD EPYC','qemu',68,0,NULL,0,1795466836747070,1795466777419960);
CREATE TABLE request_log (
  number INTEGER PRIMARY KEY AUTOINCREMENT, request_id TEXT NOT NULL, global_request_id TEXT,
  method TEXT NOT NULL, path TEXT NOT NULL, user_id TEXT NOT NULL, user_name TEXT NOT NULL, project_id TEXT,
  project_name TEXT, as_admin INTEGER NOT NULL, began INTEGER NOT NULL, microseconds INTEGER NOT NULL,
  status INTEGER NOT NULL);
INSERT INTO request_log VALUES(1,'req-351cefe8-cd40-4353-aad3-6fee73c5b6ed',NULL,'POST','/identity/v3/projects','d4e0b2dec3774980a2d86dfea04bc708','admin','0e0ad3a7dd0b4cb8ac0d5f35126bb580','admin',1,1795466806332471,19879,201);
INSERT INTO request_log VALUES(2,'req-48c22452-6784-44a3-b7f9-17be88379c15',NULL,'POST','/identity/v3/groups','d4e0b2dec3774980a2d86dfea04bc708','admin','0e0ad3a7dd0b4cb8ac0d5f35126bb580','admin',1,1795466806366362,11324,201);
INSERT INTO request_log VALUES(3,'req-110a44cd-d2d7-44b4-80d6-893107bf744d',NULL,'POST','/identity/v3/users','d4e0b2dec3774980a2d86dfea04bc708','admin','0e0ad3a7dd0b4cb8ac0d5f35126bb580','admin',1,1795466806382434,909600,201);
INSERT INTO request_log VALUES(4,'req-3d27e6c7-bb62-4633-99e2-2983eb8e25ca',NULL,'PUT','/identity/v3/projects/04909d522f384203a57a2907d45c2c2d/users/12d31752f6d64fcc984f4fa33577d94f/roles/fca485004e41457f9baefbcb04d7c778','d4e0b2dec3774980a2d86dfea04bc708','admin','0e0ad3a7dd0b4cb8ac0d5f35126bb580','admin',1,1795466807344605,35217,204);
INSERT INTO request_log VALUES(5,'req-9a55a87b-4702-4949-8a3b-76bbe5e8694f',NULL,'PUT','/identity/v3/groups/767fbf7c664844afb0255b45553543ee/users/12d31752f6d64fcc984f4fa33577d94f','d4e0b2dec3774980a2d86dfea04bc708','admin','0e0ad3a7dd0b4cb8ac0d5f35126bb580','admin',1,1795466807383485,9540,204);
INSERT INTO request_log VALUES(6,'req-535c8589-82f6-4e5c-993c-04c3fb5c60a6',NULL,'POST','/identity/v3/users','d4e0b2dec3774980a2d86dfea04bc708','admin','0e0ad3a7dd0b4cb8ac0d5f35126bb580','admin',1,1795466807399128,848917,201);
INSERT INTO request_log VALUES(7,'req-b6ee16ae-648a-482a-8d3e-59590bafe8db',NULL,'PUT','/identity/v3/projects/04909d522f384203a57a2907d45c2c2d/users/3c040bb4924f474aad4b371c29455a9a/roles/fca485004e41457f9baefbcb04d7c778','d4e0b2dec3774980a2d86dfea04bc708','admin','0e0ad3a7dd0b4cb8ac0d5f35126bb580','admin',1,1795466808305248,15451,204);
INSERT INTO request_log VALUES(8,'req-befcab5d-d61f-4c1c-8ee1-071a66cd6eea',NULL,'PUT','/identity/v3/groups/767fbf7c664844afb0255b45553543ee/users/3c040bb4924f474aad4b371c29455a9a','d4e0b2dec3774980a2d86dfea04bc708','admin','0e0ad3a7dd0b4cb8ac0d5f35126bb580','admin',1,1795466808338637,22223,204);
INSERT INTO request_log VALUES(9,'req-57f4c9d4-6388-4573-8b71-37175b9ea9fd',NULL,'POST','/identity/v3/users','d4e0b2dec3774980a2d86dfea04bc708','admin','0e0ad3a7dd0b4cb8ac0d5f35126bb580','admin',1,1795466808367656,912224,201);
INSERT INTO request_log VALUES(10,'req-e82ad0a5-0ce4-47e1-af93-bb2ecfeecb28',NULL,'PUT','/identity/v3/projects/04909d522f384203a57a2907d45c2c2d/users/e7b046f945294ca2a9b5a41509e3b0c4/roles/fca485004e41457f9baefbcb04d7c778','d4e0b2dec3774980a2d86dfea04bc708','admin','0e0ad3a7dd0b4cb8ac0d5f35126bb580','admin',1,1795466809325492,6646,204);
INSERT INTO request_log VALUES(11,'req-e7d3854d-2abc-4bcc-9f06-1834875372fc',NULL,'PUT','/identity/v3/groups/767fbf7c664844afb0255b45553543ee/users/e7b046f945294ca2a9b5a41509e3b0c4','d4e0b2dec3774980a2d86dfea04bc708','admin','0e0ad3a7dd0b4cb8ac0d5f35126bb580','admin',1,1795466809354216,21628,204);
INSERT INTO request_log VALUES(12,'req-708e027f-3c4d-4806-8470-0d077e698de3',NULL,'POST','/compute/v2.1/flavors','d4e0b2dec3774980a2d86dfea04bc708','admin','0e0ad3a7dd0b4cb8ac0d5f35126bb580','admin',1,1795466809391642,16642,200);
INSERT INTO request_log VALUES(13,'req-158b811b-5707-496a-933f-f9d313c6db7f',NULL,'POST','/image/v2/images','df353bc215d647f996d1d72b9dea4282','demo','8042c1f948ef4294b2faf11ee5a4ea6e','demo',0,1795466810184160,15956,201);
INSERT INTO request_log VALUES(14,'req-ca008f19-0da4-4613-9f31-d69f3ee05e66',NULL,'PUT','/image/v2/images/c67fa6be-571c-4458-8f8e-75c646ffdc2c/file','df353bc215d647f996d1d72b9dea4282','demo','8042c1f948ef4294b2faf11ee5a4ea6e','demo',0,1795466810215227,113018,204);
INSERT INTO request_log VALUES(15,'req-3166af67-7189-4d3d-8895-317515c19815',NULL,'POST','/network/v2.0/networks','df353bc215d647f996d1d72b9dea4282','demo','8042c1f948ef4294b2faf11ee5a4ea6e','demo',0,1795466810359645,24439,201);
INSERT INTO request_log VALUES(16,'req-bda913bb-d873-42cc-919c-3b5e06f5bbef',NULL,'POST','/network/v2.0/subnets','df353bc215d647f996d1d72b9dea4282','demo','8042c1f948ef4294b2faf11ee5a4ea6e','demo',0,1795466810388760,15236,201);
INSERT INTO request_log VALUES(17,'req-c650a241-ad31-4399-a9e8-8b3aa214840c',NULL,'POST','/network/v2.0/networks','df353bc215d647f996d1d72b9dea4282','demo','8042c1f948ef4294b2faf11ee5a4ea6e','demo',0,1795466810411797,12445,201);
INSERT INTO request_log VALUES(18,'req-b60a678a-3cbe-41ff-ae66-c35326125b8a',NULL,'POST','/network/v2.0/subnets','df353bc215d647f996d1d72b9dea4282','demo','8042c1f948ef4294b2faf11ee5a4ea6e','demo',0,1795466810438557,2873,201);
INSERT INTO request_log VALUES(19,'req-441912c0-646c-484f-a984-53ef62228434',NULL,'POST','/network/v2.0/routers','df353bc215d647f996d1d72b9dea4282','demo','8042c1f948ef4294b2faf11ee5a4ea6e','demo',0,1795466810482017,16730,201);
INSERT INTO request_log VALUES(20,'req-5618163b-f5e7-4595-9dd9-119b724aafcc',NULL,'PUT','/network/v2.0/routers/6d602bb1-2e18-442a-b0ce-0d66b9f14456/add_router_interface','df353bc215d647f996d1d72b9dea4282','demo','8042c1f948ef4294b2faf11ee5a4ea6e','demo',0,1795466810514597,41542,200);
INSERT INTO request_log VALUES(21,'req-419f0c37-8627-42b7-a3e2-d7640a908ed4',NULL,'POST','/network/v2.0/security-groups','df353bc215d647f996d1d72b9dea4282','demo','8042c1f948ef4294b2faf11ee5a4ea6e','demo',0,1795466810572127,43818,201);
INSERT INTO request_log VALUES(22,'req-46751344-e622-4875-96c6-450fde999153',NULL,'POST','/network/v2.0/security-group-rules','df353bc215d647f996d1d72b9dea4282','demo','8042c1f948ef4294b2faf11ee5a4ea6e','demo',0,1795466810648013,25259,201);
INSERT INTO request_log VALUES(23,'req-5419cde6-8878-4220-a533-f86bd2024503',NULL,'POST','/compute/v2.1/os-keypairs','df353bc215d647f996d1d72b9dea4282','demo','8042c1f948ef4294b2faf11ee5a4ea6e','demo',0,1795466810698529,9471,201);
INSERT INTO request_log VALUES(24,'req-da34d044-c7b3-4470-9e0f-c3e02c1aac77',NULL,'POST','/compute/v2.1/servers','df353bc215d647f996d1d72b9dea4282','demo','8042c1f948ef4294b2faf11ee5a4ea6e','demo',0,1795466810729889,62163,202);
INSERT INTO request_log VALUES(25,'req-8751e650-6d9a-4ed0-9b38-92242ecb7a5e',NULL,'POST','/compute/v2.1/servers','df353bc215d647f996d1d72b9dea4282','demo','8042c1f948ef4294b2faf11ee5a4ea6e','demo',0,1795466810828577,67879,202);
INSERT INTO request_log VALUES(26,'req-c5c21602-9072-480f-8c60-53f775686fa5',NULL,'POST','/compute/v2.1/servers','df353bc215d647f996d1d72b9dea4282','demo','8042c1f948ef4294b2faf11ee5a4ea6e','demo',0,1795466810928599,63749,202);
INSERT INTO request_log VALUES(27,'req-c1518211-9941-4d5b-8316-9190c4d38bcb',NULL,'POST','/network/v2.0/floatingips','df353bc215d647f996d1d72b9dea4282','demo','8042c1f948ef4294b2faf11ee5a4ea6e','demo',0,1795466811021748,6221,201);
INSERT INTO request_log VALUES(28,'req-1736dea2-8595-4f68-a66c-b5fdf74d2ba5',NULL,'DELETE','/compute/v2.1/servers/22ade2b4-c094-4381-98d0-479e7d688d0f','df353bc215d647f996d1d72b9dea4282','demo','8042c1f948ef4294b2faf11ee5a4ea6e','demo',0,1795466815665377,5159,204);
CREATE TABLE request_subject (
  object_id TEXT NOT NULL, number INTEGER NOT NULL, made INTEGER NOT NULL, PRIMARY KEY (object_id, number));
INSERT INTO request_subject VALUES('04909d522f384203a57a2907d45c2c2d',1,1);
INSERT INTO request_subject VALUES('767fbf7c664844afb0255b45553543ee',2,1);
INSERT INTO request_subject VALUES('12d31752f6d64fcc984f4fa33577d94f',3,1);
INSERT INTO request_subject VALUES('04909d522f384203a57a2907d45c2c2d',4,0);
INSERT INTO request_subject VALUES('12d31752f6d64fcc984f4fa33577d94f',4,0);
INSERT INTO request_subject VALUES('fca485004e41457f9baefbcb04d7c778',4,0);
INSERT INTO request_subject VALUES('767fbf7c664844afb0255b45553543ee',5,0);
INSERT INTO request_subject VALUES('12d31752f6d64fcc984f4fa33577d94f',5,0);
INSERT INTO request_subject VALUES('3c040bb4924f474aad4b371c29455a9a',6,1);
INSERT INTO request_subject VALUES('04909d522f384203a57a2907d45c2c2d',7,0);
INSERT INTO request_subject VALUES('3c040bb4924f474aad4b371c29455a9a',7,0);
INSERT INTO request_subject VALUES('fca485004e41457f9baefbcb04d7c778',7,0);
INSERT INTO request_subject VALUES('767fbf7c664844afb0255b45553543ee',8,0);
INSERT INTO request_subject VALUES('3c040bb4924f474aad4b371c29455a9a',8,0);
INSERT INTO request_subject VALUES('e7b046f945294ca2a9b5a41509e3b0c4',9,1);
INSERT INTO request_subject VALUES('04909d522f384203a57a2907d45c2c2d',10,0);
INSERT INTO request_subject VALUES('e7b046f945294ca2a9b5a41509e3b0c4',10,0);
INSERT INTO request_subject VALUES('fca485004e41457f9baefbcb04d7c778',10,0);
INSERT INTO request_subject VALUES('767fbf7c664844afb0255b45553543ee',11,0);
INSERT INTO request_subject VALUES('e7b046f945294ca2a9b5a41509e3b0c4',11,0);
INSERT INTO request_subject VALUES('78a32ead-d787-4113-86be-771f67ab8880',12,1);
INSERT INTO request_subject VALUES('c67fa6be-571c-4458-8f8e-75c646ffdc2c',13,1);
INSERT INTO request_subject VALUES('c67fa6be-571c-4458-8f8e-75c646ffdc2c',14,0);
INSERT INTO request_subject VALUES('619d394f-a7f6-4be3-b08c-2b61b4adf854',15,1);
INSERT INTO request_subject VALUES('ce584b62-8c72-41e0-88a6-aa2abbef704d',16,1);
INSERT INTO request_subject VALUES('06149622-5aaf-451b-9ae1-0be4c01ca8cf',17,1);
INSERT INTO request_subject VALUES('7d2a42b3-fce0-42d1-9c14-a9e15a72f164',18,1);
INSERT INTO request_subject VALUES('6d602bb1-2e18-442a-b0ce-0d66b9f14456',19,1);
INSERT INTO request_subject VALUES('6d602bb1-2e18-442a-b0ce-0d66b9f14456',20,0);
INSERT INTO request_subject VALUES('a9378a39-5bb1-4433-b022-22c47e50af36',20,0);
INSERT INTO request_subject VALUES('8d661fac-50e3-40a5-820e-02e411629d76',21,1);
INSERT INTO request_subject VALUES('d32ccd50-ba92-4944-8534-f0727d0dd1c3',22,1);
INSERT INTO request_subject VALUES('ddadbde2-c703-4de5-9f54-428a182382fe',24,1);
INSERT INTO request_subject VALUES('3f4bf071-7103-4b07-9cbe-3f357621d5fd',25,1);
INSERT INTO request_subject VALUES('22ade2b4-c094-4381-98d0-479e7d688d0f',26,1);
INSERT INTO request_subject VALUES('e336d483-72d1-409e-9930-b134eee3182c',27,1);
INSERT INTO request_subject VALUES('22ade2b4-c094-4381-98d0-479e7d688d0f',28,0);
CREATE TABLE sight (
  node_id TEXT NOT NULL, kind TEXT NOT NULL, object_id TEXT NOT NULL, generation INTEGER NOT NULL,
  ready INTEGER NOT NULL, condition_type TEXT, condition_message TEXT, condition_since INTEGER,
  condition_attempts INTEGER, at INTEGER NOT NULL, PRIMARY KEY (node_id, kind, object_id));
INSERT INTO sight VALUES('47b33f09-717a-4847-94d5-4c709be57938','network','1f18abeb-194d-4df1-af5d-17351d2ed5ab',33,1,NULL,NULL,NULL,NULL,1795466810593998);
INSERT INTO sight VALUES('47b33f09-717a-4847-94d5-4c709be57938','network','06149622-5aaf-451b-9ae1-0be4c01ca8cf',37,1,NULL,NULL,NULL,NULL,1795466810794661);
INSERT INTO sight VALUES('47b33f09-717a-4847-94d5-4c709be57938','router','6d602bb1-2e18-442a-b0ce-0d66b9f14456',38,1,NULL,NULL,NULL,NULL,1795466810794661);
INSERT INTO sight VALUES('47b33f09-717a-4847-94d5-4c709be57938','address_set','e55c28de-6972-4252-8fc1-03a607b29889',98,1,NULL,NULL,NULL,NULL,1795466817535958);
INSERT INTO sight VALUES('47b33f09-717a-4847-94d5-4c709be57938','server','ddadbde2-c703-4de5-9f54-428a182382fe',92,1,NULL,NULL,NULL,NULL,1795466814853587);
INSERT INTO sight VALUES('47b33f09-717a-4847-94d5-4c709be57938','server','3f4bf071-7103-4b07-9cbe-3f357621d5fd',83,1,NULL,NULL,NULL,NULL,1795466814266029);
INSERT INTO sight VALUES('47b33f09-717a-4847-94d5-4c709be57938','security_group','e55c28de-6972-4252-8fc1-03a607b29889',49,1,NULL,NULL,NULL,NULL,1795466811011317);
INSERT INTO sight VALUES('47b33f09-717a-4847-94d5-4c709be57938','port','282bfc89-dff6-405c-bcff-2158adffa0bf',50,1,NULL,NULL,NULL,NULL,1795466811011317);
INSERT INTO sight VALUES('47b33f09-717a-4847-94d5-4c709be57938','port','9c89ed9f-4925-4501-afa6-e7d93e5ffffd',61,1,NULL,NULL,NULL,NULL,1795466811170638);
CREATE TABLE step_count (
  step TEXT PRIMARY KEY, taken INTEGER NOT NULL, failed INTEGER NOT NULL, microseconds INTEGER NOT NULL);
INSERT INTO step_count VALUES('wire_network',2,0,244100);
INSERT INTO step_count VALUES('wire_router',1,0,172851);
INSERT INTO step_count VALUES('wire_address_set',3,0,682220);
INSERT INTO step_count VALUES('wire_security_group',1,0,163981);
INSERT INTO step_count VALUES('wire_port',3,0,529578);
INSERT INTO step_count VALUES('fetch_image',2,0,279923);
INSERT INTO step_count VALUES('make_disk',7,0,409724);
INSERT INTO step_count VALUES('define_domain',3,0,130691);
INSERT INTO step_count VALUES('start_domain',3,0,10422830);
INSERT INTO step_count VALUES('destroy_domain',1,0,1284953);
INSERT INTO step_count VALUES('undefine_domain',1,0,8609);
INSERT INTO step_count VALUES('remove_disks',1,0,1129);
INSERT INTO step_count VALUES('remove_port',1,0,337903);
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('changes',101);
INSERT INTO sqlite_sequence VALUES('request_log',28);
INSERT INTO sqlite_sequence VALUES('step_event',29);
CREATE INDEX manifest_generation ON manifest (node_id, generation);
CREATE INDEX step_event_object ON step_event (kind, object_id, number);
CREATE UNIQUE INDEX drift_open ON drift (node_id, subject, field) WHERE settled IS NULL;
CREATE INDEX drift_subject ON drift (node_id, subject, field, number);
CREATE INDEX drift_object ON drift (kind, object_id, number);
CREATE INDEX drift_settled ON drift (settled, number) WHERE settled IS NOT NULL;
CREATE UNIQUE INDEX identity_project_name ON identity_project (domain_id, name) WHERE is_domain = 0;
CREATE UNIQUE INDEX identity_domain_name ON identity_project (name) WHERE is_domain = 1;
CREATE INDEX identity_project_parent ON identity_project (parent_id);
CREATE INDEX identity_group_member_user ON identity_group_member (user_id);
CREATE UNIQUE INDEX identity_role_assignment_once ON identity_role_assignment
  (role_id, coalesce(user_id, ''), coalesce(group_id, ''), coalesce(project_id, ''));
CREATE INDEX identity_role_assignment_user ON identity_role_assignment (user_id, project_id);
CREATE INDEX identity_role_assignment_group ON identity_role_assignment (group_id, project_id);
CREATE INDEX identity_role_assignment_project ON identity_role_assignment (project_id);
CREATE INDEX identity_application_credential_project ON identity_application_credential (project_id);
CREATE INDEX identity_revocation_expiry ON identity_revocation (expires_at);
CREATE INDEX identity_endpoint_service ON identity_endpoint (service_id);
CREATE INDEX image_owner ON image (owner);
CREATE INDEX image_created ON image (created_at, id);
CREATE INDEX image_digest ON image (digest);
CREATE INDEX image_upload ON image (upload_id);
CREATE INDEX image_member_project ON image_member (member_id);
CREATE INDEX consumer_project ON consumer (project_id, user_id);
CREATE INDEX allocation_provider ON allocation (provider, class);
CREATE INDEX network_project ON network (project_id);
CREATE INDEX network_open ON network (shared, external);
CREATE INDEX subnet_network ON subnet (network_id);
CREATE INDEX subnet_project ON subnet (project_id);
CREATE INDEX port_project ON port (project_id);
CREATE INDEX port_device ON port (device_id);
CREATE INDEX port_server ON port (server_id);
CREATE INDEX port_node ON port (node_id, network_id);
CREATE INDEX port_address_port ON port_address (port_id);
CREATE INDEX port_address_subnet ON port_address (subnet_id);
CREATE UNIQUE INDEX security_group_default ON security_group (project_id) WHERE is_default = 1;
CREATE INDEX security_group_project ON security_group (project_id);
CREATE INDEX security_group_rule_group ON security_group_rule (group_id);
CREATE INDEX security_group_rule_remote ON security_group_rule (remote_group_id);
CREATE INDEX security_group_rule_project ON security_group_rule (project_id);
CREATE INDEX port_security_group_group ON port_security_group (group_id);
CREATE INDEX router_project ON router (project_id);
CREATE INDEX router_gateway_port ON router (gateway_port_id);
CREATE INDEX floating_ip_project ON floating_ip (project_id);
CREATE INDEX floating_ip_router ON floating_ip (router_id);
CREATE INDEX floating_ip_external_port ON floating_ip (external_port_id);
CREATE INDEX manifest_object ON manifest (kind, object_id);
CREATE INDEX saga_state ON saga (state, id);
CREATE INDEX saga_subject ON saga (subject);
CREATE INDEX server_project ON server (project_id, created_at, id);
CREATE INDEX server_created ON server (created_at, id);
CREATE INDEX server_status ON server (status);
CREATE INDEX server_node ON server (node_id);
CREATE INDEX server_action_began ON server (action_began);
CREATE INDEX server_card_detaching ON server_card (detaching, port_id);
CREATE INDEX instance_action_started ON instance_action (server_id, started_at);
CREATE INDEX instance_action_updated ON instance_action (updated_at);
CREATE INDEX request_log_request ON request_log (request_id);
CREATE INDEX request_log_global ON request_log (global_request_id) WHERE global_request_id IS NOT NULL;
CREATE INDEX request_subject_number ON request_subject (number);
CREATE INDEX sight_object ON sight (kind, object_id);
