"""twins.py make|remove: two images of one name, "twin", in the member's project."""
import sys

import openstack

cloud = openstack.connect(cloud="lab")
for image in list(cloud.image.images(name="twin", owner=cloud.current_project_id)):
    cloud.image.delete_image(image)
if sys.argv[1] == "make":
    for _ in range(2):
        image = cloud.image.create_image(name="twin", disk_format="raw", container_format="bare", visibility="private",
                                         data=b"\0" * 1024, validate_checksum=False)
        print(image.id)
