"""Cinder volume driver: a sparse file and a loop device each, exported as connection type 'local'.

For clouds on one machine only; needs no device mapper, iSCSI, NBD or NFS. The files live on XFS, so that copies share their blocks.
"""
import os

from oslo_concurrency import processutils
from oslo_config import cfg

from cinder import interface
from cinder.image import image_utils
from cinder.volume import configuration, driver, volume_utils

OPTIONS = [cfg.StrOpt('loopfile_dir'), cfg.StrOpt('loopfile_images')]
cfg.CONF.register_opts(OPTIONS, group=configuration.SHARED_CONF_GROUP)


def run(*command):
    return processutils.execute(*command)[0].strip()


@interface.volumedriver
class LoopFileDriver(driver.VolumeDriver):
    VERSION = '1.0'
    CI_WIKI_NAME = 'None'

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.configuration.append_config_values(OPTIONS)
        self.dir = self.configuration.loopfile_dir

    def _path(self, thing):
        return os.path.join(self.dir, thing.name)

    @staticmethod
    def _device(path):
        return run('losetup', '-j', path, '-O', 'NAME', '-n').split('\n')[0].strip()

    def _detach(self, path):
        device = self._device(path)
        if device:
            run('losetup', '-d', device)

    def _copy(self, source, volume):
        run('cp', '--sparse=auto', '--reflink=auto', source, self._path(volume))
        run('truncate', '-s', '%dG' % volume.size, self._path(volume))

    def check_for_setup_error(self):
        os.makedirs(self.dir, exist_ok=True)

    def _update_volume_stats(self):
        self._stats = {
            'volume_backend_name': self.configuration.safe_get('volume_backend_name'),
            'vendor_name': 'lab', 'driver_version': self.VERSION, 'storage_protocol': 'local',
            'total_capacity_gb': 10240, 'free_capacity_gb': 10000, 'provisioned_capacity_gb': 0,
            'reserved_percentage': 0, 'max_over_subscription_ratio': '20.0',
            'thin_provisioning_support': True, 'multiattach': True, 'QoS_support': False,
        }

    def create_volume(self, volume):
        run('truncate', '-s', '%dG' % volume.size, self._path(volume))

    def delete_volume(self, volume):
        self._detach(self._path(volume))
        run('rm', '-f', self._path(volume))

    def extend_volume(self, volume, new_size):
        run('truncate', '-s', '%dG' % new_size, self._path(volume))
        device = self._device(self._path(volume))
        if device:
            run('losetup', '-c', device)

    def create_snapshot(self, snapshot):
        run('cp', '--reflink=auto', os.path.join(self.dir, snapshot.volume_name), self._path(snapshot))

    def delete_snapshot(self, snapshot):
        run('rm', '-f', self._path(snapshot))

    def create_volume_from_snapshot(self, volume, snapshot):
        self._copy(self._path(snapshot), volume)

    def create_cloned_volume(self, volume, src_vref):
        self._copy(self._path(src_vref), volume)

    def clone_image(self, context, volume, image_location, image_meta, image_service):
        """A raw image of Glance's file store is on the same file system: its blocks can be shared."""
        source = os.path.join(self.configuration.loopfile_images, image_meta['id'])
        if image_meta.get('disk_format') != 'raw' or not os.path.exists(source):
            return None, False
        self._copy(source, volume)
        return {'provider_location': None}, True

    def copy_image_to_volume(self, context, volume, image_service, image_id, disable_sparse=False):
        image_utils.fetch_to_raw(context, image_service, image_id, self._path(volume),
                                 self.configuration.volume_dd_blocksize, size=volume.size, run_as_root=False)
        run('truncate', '-s', '%dG' % volume.size, self._path(volume))

    def copy_volume_to_image(self, context, volume, image_service, image_meta):
        volume_utils.upload_volume(context, image_service, image_meta, self._path(volume), volume, run_as_root=False)

    def ensure_export(self, context, volume):
        pass

    def create_export(self, context, volume, connector):
        pass

    def remove_export(self, context, volume):
        pass

    def initialize_connection(self, volume, connector):
        path = self._path(volume)
        device = self._device(path) or run('losetup', '--find', '--show', path)
        return {'driver_volume_type': 'local', 'data': {'device_path': device}}

    def terminate_connection(self, volume, connector, **kwargs):
        try:
            self._detach(self._path(volume))
        except processutils.ProcessExecutionError:
            pass        # still open somewhere; the device goes at its last close
