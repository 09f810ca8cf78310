import subprocess
import sys


def test_sources_and_descriptions_need_no_tensorflow_and_no_librosa():
    program = (
        "import sys, cargan_tf.data.sources.detection, cargan_tf.data.dataset,"
        " cargan_tf.data.pairs, cargan_tf.data.preprocessing.preprocess,"
        " cargan_tf.data.preprocessing.worker;"
        " assert not {'tensorflow', 'librosa'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
